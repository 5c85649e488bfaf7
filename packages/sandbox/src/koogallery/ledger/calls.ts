import type { CallLine } from "./lines.js";

const KEEP = 1000;

/** A call without its records. */
export type CallSummary = Omit<CallLine, "kind" | "records" | "first" | "forced" | "void" | "dropped"> & {
  records: number;
};

export type CallLog = {
  nextNumber(): number;
  note(line: CallLine): void;
  /** The latest calls, newest first. */
  recent(limit: number): CallSummary[];
};

/** The last 1,000 calls in memory; all of them are in the store. */
export function createCallLog(): CallLog {
  const ring: CallSummary[] = [];
  let last = 0;
  return {
    nextNumber: () => (last += 1),
    note(line) {
      last = Math.max(last, line.call);
      const { kind: _kind, records, first: _first, forced: _forced, void: _void, dropped, ...rest } = line;
      ring.push({ ...rest, records: (records?.length ?? 0) + (dropped?.length ?? 0) });
      if (ring.length > KEEP) ring.shift();
    },
    recent: (limit) => ring.slice(-limit).reverse(),
  };
}

import { nextCollection } from "../collection.js";
import type { Registry } from "../rules/instances.js";
import { createClaims, type Claims } from "./claims.js";
import type { Entry } from "./entry.js";
import { createInterner } from "./intern.js";
import type { CallLine, CollectedLine, VerdictLine } from "./lines.js";

export type Book = ReturnType<typeof createBook>;

/**
 * All accepted records in memory, in the order of acceptance. Changed only according to what the journal already
 * contains.
 */
export function createBook(registry: Registry, dedupeWindowMs?: number) {
  const entries = new Map<number, Entry>();
  const normalByMoment = new Map<number, Entry[]>();
  const claims: Claims = createClaims(dedupeWindowMs);
  const intern = createInterner();
  let pending: Entry[] = [];
  let lastSeq = 0;

  function setNormal(entry: Entry): void {
    entry.state = "normal";
    const list = normalByMoment.get(entry.moment);
    if (list) list.push(entry);
    else normalByMoment.set(entry.moment, [entry]);
  }

  function setVoid(entry: Entry, code: string): void {
    entry.state = "abnormal";
    entry.code = code;
  }

  return {
    entries: () => entries.values(),
    size: () => entries.size,
    claims,

    /** Reserves `count` consecutive record numbers and returns the first. */
    reserve(count: number): number {
      const first = lastSeq + 1;
      lastSeq += count;
      return first;
    },

    /** Adds an accepted call's records; `dueAt` is when the check should look at them (real milliseconds). */
    admit(line: CallLine, dueAt: number): void {
      const receivedAt = Date.parse(line.product);
      const first = line.first ?? 0;
      for (const [index, received] of (line.records ?? []).entries()) {
        const record = intern(received);
        const moment = nextCollection(receivedAt, registry.cycleOf(record.instance_id));
        const entry: Entry = {
          seq: first + index,
          record,
          receivedAt,
          dueAt,
          moment,
          forced: line.forced?.[index] ?? null,
          state: "pending",
          code: null,
          collectedAt: null,
        };
        entries.set(entry.seq, entry);
        const code = line.void?.[index];
        if (code === undefined) pending.push(entry);
        else {
          setVoid(entry, code);
          claims.note(entry, false);
        }
      }
      lastSeq = Math.max(lastSeq, first + (line.records?.length ?? 0) - 1);
    },

    applyVerdict(line: VerdictLine): void {
      for (const seq of line.normal) setNormal(known(seq));
      for (const [seq, code] of line.abnormal) setVoid(known(seq), code);
    },

    applyCollected(line: CollectedLine): void {
      const moment = Date.parse(line.moment);
      for (const seq of line.records) {
        const entry = known(seq);
        entry.state = "billed";
        entry.collectedAt = moment;
      }
    },

    /** After a replay: determines who was first and what is still to be checked. */
    settleReplay(): void {
      pending = pending.filter((entry) => {
        if (entry.state !== "pending") claims.note(entry, entry.state !== "abnormal");
        return entry.state === "pending";
      });
    },

    /** Takes the pending records up to the last one that is due, in order; `all` takes every one. */
    takeDue(real: number, product: number, all: boolean): Entry[] {
      const last = pending.findLastIndex((entry) => all || entry.dueAt <= real || entry.moment <= product);
      return pending.splice(0, last + 1);
    },

    /** The earliest due collection that has valid records, with them. */
    dueCollection(product: number): { moment: number; entries: Entry[] } | null {
      for (const moment of [...normalByMoment.keys()].sort((a, b) => a - b)) {
        if (moment > product) return null;
        const due = (normalByMoment.get(moment) ?? []).filter((entry) => entry.state === "normal");
        if (due.length > 0) return { moment, entries: due };
        normalByMoment.delete(moment);
      }
      return null;
    },
  };

  function known(seq: number): Entry {
    const entry = entries.get(seq);
    if (!entry) throw new Error(`the store names record ${seq}, which it does not hold`);
    return entry;
  }
}

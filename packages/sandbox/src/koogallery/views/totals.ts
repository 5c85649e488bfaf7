import { formatUsage, parseUsage } from "../decimal.js";
import type { Entry, SdrState } from "../ledger/entry.js";
import { HOUR, formatIso, parseCompact } from "../time.js";

/** A sum over valid records (normal and billed), exact, as a decimal string. */
export type Total = { instance_id: string; hour?: string; usage: string; records: number; billed: number };

export type Totals = {
  by: "instance" | "hour";
  totals: Total[];
  total: { usage: string; records: number };
  /** All accepted records by state. */
  counts: Record<SdrState, number>;
};

type Sum = { instance: string; hour: number | null; scaled: bigint; records: number; billed: number };

/** Sums per instance, or per instance and hour of `begin_time`; sorted by hour, then instance. */
export function totalsOf(entries: Iterable<Entry>, by: "instance" | "hour"): Totals {
  const hourOf = by === "hour" ? cachedHours() : () => null;
  const hours = new Map<number | null, Map<string, Sum>>();
  const counts: Record<SdrState, number> = { pending: 0, normal: 0, abnormal: 0, billed: 0 };
  for (const entry of entries) {
    counts[entry.state] += 1;
    if (entry.state === "normal" || entry.state === "billed") addTo(hours, hourOf(entry), entry);
  }
  const sorted = [...hours.values()].flatMap((sums) => [...sums.values()]).sort(byHourThenInstance);
  const scaled = sorted.reduce((sum, item) => sum + item.scaled, 0n);
  const records = sorted.reduce((sum, item) => sum + item.records, 0);
  return { by, totals: sorted.map(shown), total: { usage: formatUsage(scaled), records }, counts };
}

/** Many records share few begins, so each is parsed once. */
function cachedHours(): (entry: Entry) => number {
  const known = new Map<string, number>();
  return ({ record }) => {
    const text = record.begin_time;
    const hour = known.get(text) ?? Math.floor((parseCompact(text) ?? 0) / HOUR) * HOUR;
    known.set(text, hour);
    return hour;
  };
}

function addTo(
  hours: Map<number | null, Map<string, Sum>>,
  hour: number | null,
  { record, state }: Entry,
): void {
  const sums = hours.get(hour) ?? new Map<string, Sum>();
  hours.set(hour, sums);
  const instance = record.instance_id;
  const sum = sums.get(instance) ?? { instance, hour, scaled: 0n, records: 0, billed: 0 };
  sums.set(instance, sum);
  sum.scaled += parseUsage(record.usage_value)?.scaled ?? 0n;
  sum.records += 1;
  sum.billed += state === "billed" ? 1 : 0;
}

function byHourThenInstance(a: Sum, b: Sum): number {
  return (a.hour ?? 0) - (b.hour ?? 0) || (a.instance < b.instance ? -1 : a.instance > b.instance ? 1 : 0);
}

function shown({ instance, hour, scaled, records, billed }: Sum): Total {
  const at = hour === null ? {} : { hour: formatIso(hour) };
  return { instance_id: instance, ...at, usage: formatUsage(scaled), records, billed };
}

import { z } from "zod";
import { SDR_STATES, type Entry, type SdrState } from "../ledger/entry.js";
import { sdrMessage } from "../rules/codes.js";
import { parseCompact } from "../time.js";

/** One line of the SDR list. Times of the record as sent; `received_at`, `collected_at` ISO 8601 product time. */
export type SdrRow = {
  /** Empty for records of the old push. */
  metering_sn: string;
  instance_id: string;
  relate_pkg_instance: string | null;
  begin_time: string;
  end_time: string;
  usage_value: string;
  record_time: string;
  received_at: string;
  state: SdrState;
  error_code: string | null;
  error_msg: string | null;
  collected_at: string | null;
};

const instant = z.iso.datetime({ offset: true });

/** The parameters of the list; `from` (inclusive) and `to` (exclusive) apply to `begin_time`. */
export const listQuery = z.strictObject({
  format: z.enum(["json", "csv", "ndjson"]).default("json"),
  lang: z.enum(["zh", "en"]).optional(),
  state: z.enum(SDR_STATES).optional(),
  instance: z.string().max(64).optional(),
  sn: z.string().max(64).optional(),
  from: instant.optional(),
  to: instant.optional(),
  cursor: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1_000_000).optional(),
});

export type ListQuery = z.output<typeof listQuery>;

/** A page of the list: `total` counts all that match the query, `complete` is true only on its last page. */
export type Page = { entries: Entry[]; total: number; complete: boolean; nextCursor: string | null };

/** The matching records, in the order of acceptance, after the cursor. */
export function pageOf(entries: Iterable<Entry>, query: ListQuery, defaultLimit: number): Page {
  const fits = filterOf(query);
  const limit = query.limit ?? defaultLimit;
  const taken: Entry[] = [];
  let total = 0;
  let more = false;
  for (const entry of entries) {
    if (!fits(entry)) continue;
    total += 1;
    if (entry.seq <= query.cursor) continue;
    if (taken.length < limit) taken.push(entry);
    else more = true;
  }
  const last = taken.at(-1);
  return { entries: taken, total, complete: !more, nextCursor: more && last ? String(last.seq) : null };
}

function filterOf(query: ListQuery): (entry: Entry) => boolean {
  const from = query.from === undefined ? -Infinity : Date.parse(query.from);
  const to = query.to === undefined ? Infinity : Date.parse(query.to);
  const inTime = (entry: Entry) => {
    if (query.from === undefined && query.to === undefined) return true;
    const begin = parseCompact(entry.record.begin_time);
    return begin !== null && begin >= from && begin < to;
  };
  return (entry) =>
    (query.state === undefined || entry.state === query.state) &&
    (query.instance === undefined || entry.record.instance_id === query.instance) &&
    (query.sn === undefined || entry.record.metering_sn === query.sn) &&
    inTime(entry);
}

/** An entry as the list shows it. */
export function rowOf(entry: Entry, lang: "en" | "zh" = "en"): SdrRow {
  const { record } = entry;
  return {
    metering_sn: record.metering_sn ?? "",
    instance_id: record.instance_id,
    relate_pkg_instance: record.relate_pkg_instance ?? null,
    begin_time: record.begin_time,
    end_time: record.end_time,
    usage_value: record.usage_value,
    record_time: record.record_time,
    received_at: new Date(entry.receivedAt).toISOString(),
    state: entry.state,
    error_code: entry.code,
    error_msg: entry.code === null ? null : sdrMessage(entry.code, lang),
    collected_at: entry.collectedAt === null ? null : new Date(entry.collectedAt).toISOString(),
  };
}

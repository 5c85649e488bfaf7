import { formatCompact, parseCompact, SECOND } from "../time.js";
import { sdrMessage } from "../rules/codes.js";
import type { UsageRecord } from "../rules/request.js";
import { shuffled, type Random } from "./random.js";
import type { Drawn } from "./faults.js";

/** How a reply names a record: by its serial number, or by its interval if it has none. */
type Named = Pick<UsageRecord, "metering_sn"> | Pick<UsageRecord, "instance_id" | "begin_time" | "end_time">;

/** A record's line in the reply's list of abnormal ones. */
export type Listed = Named & { error_code: string; error_msg: string };

/**
 * What happens to an accepted call's records: which are stored, with which codes, which are reported, which are lost.
 */
export type Disturbed = {
  stored: UsageRecord[];
  dropped: UsageRecord[];
  invented: number;
  forced: Record<string, string>;
  void: Record<string, string>;
  listed: Listed[];
};

const DEFAULT_CODE = "003";

/** Applies a fault to the records of a call that passed all checks; without one they are stored unchanged. */
export function disturb(records: UsageRecord[], drawn: Drawn | null): Disturbed {
  const plain = { stored: records, dropped: [], invented: 0, forced: {}, void: {}, listed: [] };
  if (!drawn) return plain;
  const { rule, random } = drawn;
  const code = rule.code ?? DEFAULT_CODE;
  switch (rule.mode) {
    case "abnormal":
      return { ...plain, forced: codesFor(pick(records, rule.share ?? 1, random), code) };
    case "abnormal_sync": {
      const picked = pick(records, rule.share ?? 1, random);
      return { ...plain, void: codesFor(picked, code), listed: list(records, picked, code, drawn) };
    }
    case "partial": {
      const picked = pick(records, rule.share ?? 0.5, random);
      const [stored, dropped] = split(records, picked);
      return { ...plain, stored, dropped, listed: list(records, picked, code, drawn) };
    }
    case "forget":
      return { ...plain, stored: [], dropped: records };
    case "invent":
      return { ...plain, stored: [...records, invented(records[0] as UsageRecord, random)], invented: 1 };
    default:
      return plain;
  }
}

function pick(records: UsageRecord[], share: number, random: Random): Set<number> {
  return new Set(records.map((_, index) => index).filter(() => random() < share));
}

function codesFor(picked: Set<number>, code: string): Record<string, string> {
  return Object.fromEntries([...picked].map((index) => [index, code]));
}

function split(records: UsageRecord[], out: Set<number>): [UsageRecord[], UsageRecord[]] {
  return [records.filter((_, index) => !out.has(index)), records.filter((_, index) => out.has(index))];
}

function list(records: UsageRecord[], picked: Set<number>, code: string, { rule, random }: Drawn): Listed[] {
  const rows = records
    .filter((_, index) => picked.has(index))
    .map((record) => ({ ...nameOf(record), error_code: code, error_msg: sdrMessage(code, "en") }));
  if (rule.rows === "shuffle") return shuffled(rows, random);
  if (rule.rows === "omit") return rows.slice(1);
  return rule.rows === "duplicate" ? [...rows, ...rows] : rows;
}

function nameOf({ metering_sn, instance_id, begin_time, end_time }: UsageRecord): Named {
  return metering_sn === undefined ? { instance_id, begin_time, end_time } : { metering_sn };
}

/** Like a sent record, but with its own interval (one second less), so that it is valid and bills too much. */
function invented(model: UsageRecord, random: Random): UsageRecord {
  const begin = (parseCompact(model.begin_time) ?? 0) + SECOND;
  const end = Math.max(begin, parseCompact(model.end_time) ?? begin);
  const record = { ...model, begin_time: formatCompact(begin), end_time: formatCompact(end) };
  if (model.metering_sn === undefined) return record;
  const sn = `invented-${Math.floor(random() * 2 ** 32).toString(16)}-${model.metering_sn}`.slice(0, 64);
  return { ...record, metering_sn: sn };
}

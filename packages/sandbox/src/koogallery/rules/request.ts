import { parseUsage } from "../decimal.js";
import { parseCompact } from "../time.js";
import { refusal, type Refusal } from "./codes.js";

/** The two interfaces of the usage push: `new` (specification 1.1) and `old` (1.6). */
export type Push = "new" | "old";

/** One record as the seller sent it (specification 1.4, 1.6); every value is a string. */
export type UsageRecord = {
  instance_id: string;
  record_time: string;
  begin_time: string;
  end_time: string;
  usage_value: string;
  /** Only in the new push. */
  metering_sn?: string;
  /** Only in the old push. */
  product_id?: string;
  relate_pkg_instance?: string;
};

/**
 * `sync` refuses the call because of a bad value; `background` accepts it and voids the record later (002, 003, 004,
 * 007).
 */
export type RecordChecks = "sync" | "background";

export const MAX_RECORDS = 1000;

const COMMON = {
  instance_id: 64,
  record_time: 17,
  begin_time: 17,
  end_time: 17,
  usage_value: 20,
  relate_pkg_instance: 64,
};
/** Longest text of each field, and the required fields. */
const FIELDS: Record<Push, { limits: Record<string, number>; own: keyof UsageRecord }> = {
  new: { limits: { ...COMMON, metering_sn: 64 }, own: "metering_sn" },
  old: { limits: { ...COMMON, product_id: 64 }, own: "product_id" },
};
const TIMES = ["record_time", "begin_time", "end_time"] as const;
const MANDATORY = [...TIMES, "instance_id", "usage_value"] as const;

export type Parsed = { ok: true; records: UsageRecord[] } | { ok: false; refusal: Refusal };

/** Checks a body's bytes against specification 1.4 or 1.6; one bad record refuses the whole call. */
export function parseRequest(body: Uint8Array, checks: RecordChecks, push: Push): Parsed {
  const records = recordsOf(body);
  if (!Array.isArray(records)) return { ok: false, refusal: records };
  for (const [index, record] of records.entries()) {
    const fault = recordFault(record, checks, push);
    if (fault) {
      fault.detail = `usage_records[${index}]${fault.detail}`;
      return { ok: false, refusal: fault };
    }
  }
  return { ok: true, records: records as UsageRecord[] };
}

function recordsOf(body: Uint8Array): unknown[] | Refusal {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    return refusal("MKT.0100", "body is not JSON in UTF-8");
  }
  if (!isObject(parsed) || !Array.isArray(parsed["usage_records"])) {
    return refusal("MKT.0101", "usage_records is missing or no list");
  }
  const extra = Object.keys(parsed).find((key) => key !== "usage_records");
  if (extra !== undefined) return refusal("MKT.0101", `undefined parameter ${extra.slice(0, 64)}`);
  const records: unknown[] = parsed["usage_records"];
  if (records.length > MAX_RECORDS) return refusal("MKT.9003", `${records.length} records`);
  return records.length === 0 ? refusal("MKT.9002", "usage_records is empty") : records;
}

function recordFault(record: unknown, checks: RecordChecks, push: Push): Refusal | null {
  if (!isObject(record)) return refusal("MKT.9002", " is no object");
  for (const key of [...MANDATORY, FIELDS[push].own]) {
    if (!Object.hasOwn(record, key)) return refusal("MKT.0101", `.${key} is missing`);
  }
  for (const [key, value] of Object.entries(record)) {
    const fault = fieldFault(key, value, checks, FIELDS[push].limits);
    if (fault) return fault;
  }
  return checks === "background" ? null : valueFault(record as UsageRecord);
}

function fieldFault(
  key: string,
  value: unknown,
  checks: RecordChecks,
  limits: Record<string, number>,
): Refusal | null {
  if (!Object.hasOwn(limits, key)) return refusal("MKT.0101", `.${key.slice(0, 64)} is undefined`);
  if (typeof value !== "string") return refusal("MKT.0101", `.${key} is not a string`);
  if (value.length > limits[key]!) return refusal("MKT.0100", `.${key} is too long`);
  const emptyAllowed = checks === "background" && key !== "instance_id";
  return value === "" && !emptyAllowed ? refusal("MKT.0101", `.${key} is empty`) : null;
}

function valueFault(record: UsageRecord): Refusal | null {
  for (const key of TIMES) {
    if (parseCompact(record[key]) === null) {
      return refusal("MKT.0100", `.${key} is not yyyyMMdd'T'HHmmss'Z'`);
    }
  }
  const reason = usageFault(record.usage_value);
  if (!reason) return null;
  return refusal(reason === "is not a number" ? "MKT.0101" : "MKT.0100", `.usage_value ${reason}`);
}

/** What is wrong with a usage value, or null: a plain decimal above 0, at most 8 integer digits and 4 decimals. */
export function usageFault(text: string): string | null {
  if (text.startsWith("-")) return "is not above 0";
  const usage = parseUsage(text);
  if (!usage) return "is not a number";
  if (usage.decimals > 4) return "has more than 4 decimals";
  if (usage.integerDigits > 8) return "has more than 8 integer digits";
  return usage.scaled > 0n ? null : "is not above 0";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

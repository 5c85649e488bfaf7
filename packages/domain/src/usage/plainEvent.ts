import { parseQuantity } from "../quantity.js";
import { parseInstant } from "../time.js";
import { EVENT_LIMITS, type UsageEvent } from "./usageEvent.js";

/** Printable ASCII: nearly all names are, and checking it needs no Unicode tables. */
const PLAIN = /^[\x20-\x7e]+$/;
const METER = /^[A-Za-z0-9][A-Za-z0-9._:/-]*$/;

/**
 * Reads an event that has only the usual fields, in printable ASCII; costs a fifth of the schema.
 * @returns the event, exactly as the schema would read it, or undefined: then the schema decides, and says what is
 *   wrong.
 */
export function readPlainEvent(raw: unknown): UsageEvent | undefined {
  if (typeof raw !== "object" || raw === null) return undefined;
  const { specversion, id, source, type, subject, time: text, data } = raw as Record<string, unknown>;
  if (specversion !== "1.0" || countKeys(raw) !== 7) return undefined;
  if (!isPlain(id, EVENT_LIMITS.idChars) || !isPlain(source, EVENT_LIMITS.sourceChars)) return undefined;
  if (!isPlain(subject, EVENT_LIMITS.subjectChars) || !isPlain(type, EVENT_LIMITS.meterChars))
    return undefined;
  if (!METER.test(type) || typeof text !== "string" || text.length > 40) return undefined;
  const read = readData(data);
  const time = read && parseInstant(text);
  if (time === undefined) return undefined;
  return { source, id, subject, meter: type, time, ...read, extensions: undefined };
}

function isPlain(value: unknown, max: number): value is string {
  return typeof value === "string" && value.length <= max && PLAIN.test(value);
}

function readData(data: unknown): { quantity: string | undefined; value: string | undefined } | undefined {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return undefined;
  const { quantity: raw, value } = data as Record<string, unknown>;
  if (countKeys(data) !== Number(raw !== undefined) + Number(value !== undefined)) return undefined;
  if (value !== undefined && !isPlain(value, EVENT_LIMITS.valueChars)) return undefined;
  if (raw === undefined) return { quantity: undefined, value };
  if (typeof raw !== "string" && typeof raw !== "number") return undefined;
  const quantity = parseQuantity(raw);
  return quantity === undefined ? undefined : { quantity, value };
}

/** Counts own and inherited keys: parsed JSON has only own ones, and any other object is left to the schema. */
function countKeys(value: object): number {
  let count = 0;
  for (const _key in value) count += 1;
  return count;
}

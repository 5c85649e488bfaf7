import type { Problem } from "../errors.js";
import { parseExact, showJson } from "../json.js";
import { EVENT_LIMITS, type UsageEvent } from "./usageEvent.js";

/** The attributes of a CloudEvent, separated: what usage is read from, and what is only kept beside it. */
export type Attributes = { attributes: unknown; extensions: UsageEvent["extensions"] } | { problem: Problem };

const READ = new Set(["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"]);
/** Extensions that define the usage; no other may be a reason to refuse it. */
const MEANT = ["account", "corrects", "cancels"];
const EXTENSION_NAME = /^[a-z0-9]{1,20}$/;
const STORABLE = /^[^\p{Cc}\p{Cs}]*$/u;

/**
 * Separates the attributes of a CloudEvent. An attribute that is null counts as absent, as the CloudEvents specification
 * requires. An extension that cannot be kept (its name, its size, its kind, more than 16) is left out, unless it defines
 * the usage.
 * @param raw parsed JSON
 * @returns a problem if an attribute that defines the usage cannot be read
 */
export function readAttributes(raw: unknown): Attributes {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw))
    return { attributes: raw, extensions: undefined };
  const given = Object.entries(raw).filter(([, value]) => value !== null && value !== undefined);
  const attributes = Object.fromEntries(given.filter(([name]) => READ.has(name)));
  const decoded = decodeData(raw as Record<string, unknown>);
  if (decoded?.problem) return { problem: decoded.problem };
  const data = decoded ? decoded.data : attributes["data"];
  if (data !== undefined) attributes["data"] = withoutNulls(data);
  const others = given.filter(([name]) => !READ.has(name) && name !== "data_base64");
  const wrong = others.find(([name, value]) => MEANT.includes(name) && !isKept(name, value));
  if (wrong) return { problem: meantProblem(...wrong) };
  return { attributes, extensions: keptOf(others) };
}

/** Decodes `data_base64`, which some SDKs write for all data; undefined if absent. */
function decodeData({
  data,
  data_base64: packed,
}: Record<string, unknown>): { data?: unknown; problem?: Problem } | undefined {
  if (typeof packed !== "string" || (data !== undefined && data !== null)) return undefined;
  const text = Buffer.from(packed, "base64").toString("utf8");
  const parsed = parseExact(text, "quantity");
  if (parsed.ok) return { data: parsed.value };
  const detail = `data_base64 must hold JSON: ${parsed.problem.detail}`;
  return { problem: { ...parsed.problem, field: "data_base64", detail } };
}

/** Those fields of `data` that are read and are not null. */
function withoutNulls(data: unknown): unknown {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return data;
  const { quantity, value } = data as Record<string, unknown>;
  return { quantity: quantity ?? undefined, value: value ?? undefined };
}

function keptOf(others: [string, unknown][]): UsageEvent["extensions"] {
  const kept = others.filter(([name, value]) => isKept(name, value));
  if (kept.length === 0) return undefined;
  // Extensions that define the usage come first, so that the limit never drops one.
  kept.sort(([left], [right]) => Number(MEANT.includes(right)) - Number(MEANT.includes(left)));
  return Object.fromEntries(kept.slice(0, EVENT_LIMITS.extensions)) as UsageEvent["extensions"];
}

function isKept(name: string, value: unknown): boolean {
  if (!EXTENSION_NAME.test(name)) return false;
  if (typeof value === "string") return value.length <= EVENT_LIMITS.extensionChars && STORABLE.test(value);
  return typeof value === "boolean" || Number.isSafeInteger(value);
}

function meantProblem(name: string, value: unknown): Problem {
  const shown = showJson(value).slice(0, 80);
  return {
    code: "field_invalid",
    field: name,
    detail: `${name} ${shown}: must be a text of at most ${EVENT_LIMITS.extensionChars} characters that can be printed`,
  };
}

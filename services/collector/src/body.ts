import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import { parseExact, type Problem } from "@quarterpast/domain";
import { attributesOf, isBinary } from "./binaryMode.js";
import { refusal } from "./problems.js";

/** Limits of one request. */
export const BODY_LIMITS = { bytes: 1_048_576, events: 1_000, depth: 32 } as const;

/** The field of `data` that is read by its own digits, however a sender writes them. */
const QUANTITY = "quantity";

/** How a body contains its events; `data` is that of one event, whose attributes are in the headers. */
export type BodyKind = "event" | "batch" | "either" | "lines" | "data";

/** The form of a body, and the attributes that came in the headers beside `data`. */
export interface BodyForm {
  kind: BodyKind;
  attributes?: Record<string, string>;
}

/** One event of a body, unparsed, or why its line could not be read. */
export type RawEvent = { raw: unknown } | { problem: Problem };

const KINDS: Record<string, BodyKind> = {
  "application/cloudevents+json": "event",
  "application/cloudevents-batch+json": "batch",
  "application/json": "either",
  "application/x-ndjson": "lines",
};

/** A media type, and its charset if it names one; other parameters are not needed. */
const MEDIA_TYPE = /^\s*([^\s;]+)\s*(?:;|$)/;
const CHARSET = /;\s*charset\s*=\s*"?([^\s";]+)"?/i;

/**
 * The form of the body according to the headers.
 * @throws ProblemError `unsupported_media_type` for another type or charset.
 */
export function bodyForm(headers: IncomingHttpHeaders): BodyForm {
  const given = headers["content-type"];
  const type = MEDIA_TYPE.exec(given ?? "")?.[1]?.toLowerCase() ?? "";
  const charset = CHARSET.exec(given ?? "")?.[1]?.toLowerCase() ?? "utf-8";
  if (charset !== "utf-8" && charset !== "utf8" && charset !== "us-ascii")
    throw refusal("unsupported_media_type", `content-type ${given}: must be in UTF-8`);
  if (isBinary(headers, type)) return { kind: "data", attributes: attributesOf(headers) };
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (kind) return { kind };
  throw refusal(
    "unsupported_media_type",
    `content-type ${given ?? "(none)"}: must be one of ${Object.keys(KINDS).join(", ")}, or of JSON with the event's attributes in ce- headers`,
  );
}

/**
 * The events of a body, in order. An unreadable line of NDJSON fails on its own; blank lines do not count.
 * @throws ProblemError if the body as a whole cannot be read, is empty or has too many events.
 */
export function readBody({ kind, attributes }: BodyForm, body: Buffer): RawEvent[] {
  if (!isUtf8(body)) throw refusal("malformed_json", "the body is not valid UTF-8");
  const text = body.toString("utf8");
  if (kind === "data") return [withData(attributes!, text)];
  const events = kind === "lines" ? readLines(text) : readJson(kind, text);
  if (events.length === 0) throw refusal("empty_batch");
  checkCount(events.length);
  return events;
}

/** The event whose attributes came in headers; no body is no data. */
function withData(attributes: Record<string, string>, text: string): RawEvent {
  if (text.trim() === "") return { raw: attributes };
  const parsed = parseExact(text, QUANTITY, BODY_LIMITS.depth - 1);
  return parsed.ok ? { raw: { ...attributes, data: parsed.value } } : { problem: parsed.problem };
}

function checkCount(count: number): void {
  if (count <= BODY_LIMITS.events) return;
  throw refusal("too_many_events", `${count} events: must be at most ${BODY_LIMITS.events} a request`);
}

function readLines(text: string): RawEvent[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  checkCount(lines.length);
  return lines.map((line) => {
    const parsed = parseExact(line, QUANTITY, BODY_LIMITS.depth);
    return parsed.ok ? { raw: parsed.value } : { problem: parsed.problem };
  });
}

function readJson(kind: Exclude<BodyKind, "data" | "lines">, text: string): RawEvent[] {
  const parsed = parseExact(text, QUANTITY, BODY_LIMITS.depth);
  if (!parsed.ok) throw refusal(parsed.problem.code, parsed.problem.detail);
  const { value } = parsed;
  if (Array.isArray(value) && kind !== "event") return value.map((raw: unknown) => ({ raw }));
  if (typeof value === "object" && value !== null && !Array.isArray(value) && kind !== "batch") {
    return [{ raw: value }];
  }
  const right = { event: "one event, a JSON object", batch: "a JSON array of events" };
  throw refusal(
    "malformed_json",
    `the body must be ${kind === "event" || kind === "batch" ? right[kind] : "an event or an array of events"}`,
  );
}

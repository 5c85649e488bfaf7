import { isUtf8 } from "node:buffer";
import { parseStrict, type Problem } from "@quarterpast/domain";
import { refusal } from "./problems.js";

/** What one request may carry. */
export const BODY_LIMITS = { bytes: 1_048_576, events: 1_000, depth: 4 } as const;

/** How a body holds its events. */
export type BodyKind = "event" | "batch" | "either" | "lines";

/** One event of a body as it came, or why its line could not be read. */
export type RawEvent = { raw: unknown } | { problem: Problem };

const KINDS: Record<string, BodyKind> = {
  "application/cloudevents+json": "event",
  "application/cloudevents-batch+json": "batch",
  "application/json": "either",
  "application/x-ndjson": "lines",
};

const CONTENT_TYPE = /^\s*([^\s;]+)\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*$/i;

/**
 * The kind of body that the headers name.
 * @throws ProblemError `unsupported_media_type` for another type or charset, or a compressed body.
 */
export function bodyKind(contentType: string | undefined, contentEncoding: string | undefined): BodyKind {
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== "identity") {
    throw refusal(
      "unsupported_media_type",
      `content-encoding ${contentEncoding}: send the body as it is, not compressed`,
    );
  }
  const type = CONTENT_TYPE.exec(contentType ?? "")?.[1]?.toLowerCase() ?? "";
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (kind) return kind;
  const found = contentType ?? "(none)";
  throw refusal(
    "unsupported_media_type",
    `content-type ${found}: must be one of ${Object.keys(KINDS).join(", ")}, in UTF-8`,
  );
}

/**
 * The events of a body, in order. A line of NDJSON that cannot be read fails alone; blank lines do not count.
 * @throws ProblemError where the body as a whole cannot be read, is empty or carries too many events.
 */
export function readBody(kind: BodyKind, body: Buffer): RawEvent[] {
  if (!isUtf8(body)) throw refusal("malformed_json", "the body is not valid UTF-8");
  const text = body.toString("utf8");
  const events = kind === "lines" ? readLines(text) : readJson(kind, text);
  if (events.length === 0) throw refusal("empty_batch");
  checkCount(events.length);
  return events;
}

function checkCount(count: number): void {
  if (count <= BODY_LIMITS.events) return;
  throw refusal("too_many_events", `${count} events: must be at most ${BODY_LIMITS.events} a request`);
}

function readLines(text: string): RawEvent[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  checkCount(lines.length);
  return lines.map((line) => {
    const parsed = parseStrict(line, BODY_LIMITS.depth);
    return parsed.ok ? { raw: parsed.value } : { problem: parsed.problem };
  });
}

function readJson(kind: BodyKind, text: string): RawEvent[] {
  const parsed = parseStrict(text, BODY_LIMITS.depth);
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

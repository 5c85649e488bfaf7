import { z } from "zod";
import type { ErrorCode, Problem } from "../errors.js";
import { correctionProblem, readCorrection } from "./correction.js";
import { payloadHash } from "./identity.js";
import { readAttributes } from "./attributes.js";
import { readPlainEvent } from "./plainEvent.js";
import { parseQuantity, quantityAdvice } from "../quantity.js";
import { DAY, formatInstant, HOUR, MINUTE, parseInstant, type Micros } from "../time.js";
import { EVENT_LIMITS, type UsageEvent } from "./usageEvent.js";

/**
 * Characters that a text field may have; control characters are unreadable, and Postgres cannot store a NUL or a lone
 * surrogate.
 */
const PRINTABLE = /^[^\p{Cc}\p{Cs}]+$/u;
const text = (max: number) =>
  z
    .string()
    .min(1, "must not be empty")
    .max(max, `must have at most ${max} characters`)
    .regex(PRINTABLE, "must not contain control characters or lone surrogates");

/** A meter's code: what a CloudEvent calls `type`. */
export const meterCodeSchema = text(EVENT_LIMITS.meterChars).regex(
  /^[A-Za-z0-9][A-Za-z0-9._:/-]*$/,
  "must begin with a letter or digit and contain only letters, digits and . _ : / -",
);

/** Media types that hold JSON, with any parameters. */
const JSON_TYPE = /^\s*(?:application|text)\/(?:[\w.+-]*\+)?json\s*(?:;.*)?$/i;

/**
 * The attributes of a CloudEvent 1.0 that usage is read from; `type` names the meter. Other attributes, and other fields
 * of `data`, are no reason to refuse usage (SPEC U5).
 */
export const cloudEventSchema = z.object({
  specversion: z.literal("1.0", 'must be "1.0"'),
  id: text(EVENT_LIMITS.idChars),
  source: text(EVENT_LIMITS.sourceChars),
  type: meterCodeSchema,
  subject: text(EVENT_LIMITS.subjectChars),
  time: z.string().max(40, "must be an RFC 3339 time"),
  datacontenttype: z.string().regex(JSON_TYPE, 'must be a JSON type, such as "application/json"').optional(),
  data: z
    .object(
      {
        quantity: z.union([z.string(), z.number()], "must be a decimal string or a number").optional(),
        value: text(EVENT_LIMITS.valueChars).optional(),
      },
      "must be a JSON object",
    )
    .default({}),
});

/** A CloudEvent as senders make it: with extension attributes. */
export type CloudEvent = z.input<typeof cloudEventSchema> &
  Record<string, string | number | boolean | object | null | undefined>;

/**
 * How far before and after now an event's time may be. Always shorter than the dedupe retention (failures.md R17).
 */
export interface AcceptWindow {
  past: Micros;
  future: Micros;
}

export const ACCEPT_WINDOW: AcceptWindow = { past: DAY, future: 5 * MINUTE };
/** No setting may accept events later than this. */
export const ACCEPT_PAST_MAX: Micros = 35 * DAY;

export type Parsed = { ok: true; event: UsageEvent } | { ok: false; problem: Problem; id: string | null };

/**
 * Reads one CloudEvent into a usage event.
 * @param raw parsed JSON; @param now product time, for the accept window.
 * @returns the event, or the first problem by field, with the value and what would be right.
 */
export function parseUsageEvent(raw: unknown, now: Micros, accept: AcceptWindow = ACCEPT_WINDOW): Parsed {
  const plain = readPlainEvent(raw);
  if (plain === undefined) return parseAnyEvent(raw, now, accept);
  const outside = checkWindow(plain.time, now, accept);
  return outside ? { ok: false, id: plain.id, problem: outside } : { ok: true, event: plain };
}

/** {@link parseUsageEvent} by the schema only: for events that are not plain, and for every error. */
export function parseAnyEvent(raw: unknown, now: Micros, accept: AcceptWindow = ACCEPT_WINDOW): Parsed {
  const id = idOf(raw);
  const read = readAttributes(raw);
  if ("problem" in read) return { ok: false, id, problem: read.problem };
  const result = cloudEventSchema.safeParse(read.attributes);
  if (!result.success) return fail(id, ...describeIssue(result.error, read.attributes));
  const { data, time: timeText, type: meter, source, subject } = result.data;
  const { extensions } = read;
  const time = parseInstant(timeText);
  if (time === undefined) {
    return fail(
      id,
      "field_invalid",
      "time",
      `${show(timeText)}: must be an RFC 3339 time with a zone, e.g. ${formatInstant(now)}`,
    );
  }
  const outside = checkWindow(time, now, accept);
  if (outside) return { ok: false, id, problem: outside };
  const quantity = data.quantity === undefined ? undefined : parseQuantity(data.quantity);
  if (data.quantity !== undefined && quantity === undefined) {
    return fail(
      id,
      "quantity_invalid",
      "data.quantity",
      `${show(data.quantity)}: ${quantityAdvice(data.quantity)}`,
    );
  }
  const { account } = extensions ?? {};
  if (account !== undefined && (typeof account !== "string" || account === "")) {
    return fail(id, "field_invalid", "account", `${show(account)}: must be the code of a seller account`);
  }
  const correction = readCorrection(result.data.id, extensions, quantity);
  if (typeof correction === "string") return fail(id, "field_invalid", ...correctionProblem(correction));
  return {
    ok: true,
    event: { source, id: result.data.id, subject, meter, time, quantity, value: data.value, extensions },
  };
}

/** The hash of what an event meters: the same id with another hash is a conflict (SPEC 2). */
export function hashOf(event: Omit<UsageEvent, "source">): string {
  const correction = readCorrection(event.id, event.extensions, event.quantity);
  const isCorrection = typeof correction === "object";
  return payloadHash({
    ...event,
    correction: isCorrection ? `${correction.kind} ${correction.id}` : undefined,
    account: accountOf(event),
  });
}

/** Code of the account that an event names by its extension attribute `account`; undefined if it names none. */
export function accountOf({ extensions }: Pick<UsageEvent, "extensions">): string | undefined {
  return extensions?.account === undefined ? undefined : String(extensions.account);
}

function checkWindow(time: Micros, now: Micros, accept: AcceptWindow): Problem | undefined {
  if (time < now - accept.past) {
    const hours = Math.round(accept.past / HOUR);
    return {
      code: "time_too_old",
      field: "time",
      detail: `time ${formatInstant(time)}: must not be before ${formatInstant(now - accept.past)} (events are accepted up to ${hours} h late)`,
    };
  }
  if (time > now + accept.future) {
    return {
      code: "time_in_future",
      field: "time",
      detail: `time ${formatInstant(time)}: must not be after ${formatInstant(now + accept.future)}`,
    };
  }
  return undefined;
}

function fail(id: string | null, code: ErrorCode, field: string, detail: string): Parsed {
  return { ok: false, id, problem: { code, field, detail: `${field} ${detail}` } };
}

function idOf(raw: unknown): string | null {
  const id = typeof raw === "object" && raw !== null ? (raw as { id?: unknown }).id : undefined;
  return typeof id === "string" ? id.slice(0, EVENT_LIMITS.idChars) : null;
}

function describeIssue(error: z.ZodError, raw: unknown): [ErrorCode, string, string] {
  const issue = error.issues[0]!;
  const field = issue.path.join(".") || "event";
  const value = issue.path.reduce<unknown>(
    (at, name) => (at as Record<PropertyKey, unknown> | undefined)?.[name],
    raw,
  );
  if (value === undefined) return ["field_missing", field, "is required"];
  return ["field_invalid", field, `${show(value)}: ${issue.message}`];
}

function show(value: unknown): string {
  const shown = JSON.stringify(value) ?? String(value);
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}

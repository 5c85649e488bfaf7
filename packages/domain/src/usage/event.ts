import { z } from "zod";
import type { ErrorCode, Problem } from "../errors.js";
import { correctionProblem, readCorrection } from "./correction.js";
import { payloadHash } from "./identity.js";
import { readPlainEvent } from "./plainEvent.js";
import { parseQuantity } from "../quantity.js";
import { DAY, formatInstant, HOUR, MINUTE, parseInstant, type Micros } from "../time.js";
import { EVENT_LIMITS, type UsageEvent } from "./usageEvent.js";

/** Characters that a text field may have; Postgres could not store the others, and nobody could read them. */
const PRINTABLE = /^[^\p{Cc}\p{Cs}]+$/u;
const text = (max: number) =>
  z
    .string()
    .min(1, "must not be empty")
    .max(max, `must have at most ${max} characters`)
    .regex(PRINTABLE, "must not hold control characters or lone surrogates");

const extensionValue = z.union([
  z
    .string()
    .max(EVENT_LIMITS.extensionChars)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u),
  z.boolean(),
  z.int(),
]);

/** A meter's code: what a CloudEvent calls `type`. */
export const meterCodeSchema = text(EVENT_LIMITS.meterChars).regex(
  /^[A-Za-z0-9][A-Za-z0-9._:/-]*$/,
  "must begin with a letter or digit and hold only letters, digits and . _ : / -",
);

/** CloudEvents 1.0 as the collector takes it: `type` names the meter; other attributes are kept as extensions. */
export const cloudEventSchema = z
  .object({
    specversion: z.literal("1.0", 'must be "1.0"'),
    id: text(EVENT_LIMITS.idChars),
    source: text(EVENT_LIMITS.sourceChars),
    type: meterCodeSchema,
    subject: text(EVENT_LIMITS.subjectChars),
    time: z.string().max(40, "must be an RFC 3339 time"),
    datacontenttype: z.literal("application/json", 'must be "application/json"').optional(),
    dataschema: text(256).optional(),
    data: z
      .strictObject({
        quantity: z.union([z.string(), z.number()], "must be a decimal string or a number").optional(),
        value: text(EVENT_LIMITS.valueChars).optional(),
      })
      .default({}),
  })
  .catchall(extensionValue);

export type CloudEvent = z.input<typeof cloudEventSchema>;

/** Between which times an event is taken. Always shorter than the dedupe retention (failures.md R17). */
export interface AcceptWindow {
  past: Micros;
  future: Micros;
}

export const ACCEPT_WINDOW: AcceptWindow = { past: DAY, future: 5 * MINUTE };
/** No setting may accept events later than this. */
export const ACCEPT_PAST_MAX: Micros = 35 * DAY;

export type Parsed = { ok: true; event: UsageEvent } | { ok: false; problem: Problem; id: string | null };

const KNOWN = new Set([
  "specversion",
  "id",
  "source",
  "type",
  "subject",
  "time",
  "datacontenttype",
  "dataschema",
  "data",
]);
const EXTENSION_NAME = /^[a-z0-9]{1,20}$/;
const FORBIDDEN_NAMES = new Set(["constructor", "prototype", "__proto__"]);

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

/** {@link parseUsageEvent} by the schema alone: for what is not plain, and for all that is wrong. */
export function parseAnyEvent(raw: unknown, now: Micros, accept: AcceptWindow = ACCEPT_WINDOW): Parsed {
  const id = idOf(raw);
  const forbidden = forbiddenName(raw);
  if (forbidden !== undefined) {
    return fail(id, "field_forbidden", forbidden, "is not allowed as a field name");
  }
  const result = cloudEventSchema.safeParse(raw);
  if (!result.success) return fail(id, ...describeIssue(result.error, raw));
  const { data, time: timeText, type: meter, source, subject } = result.data;
  const extensions = extensionsOf(result.data);
  if (typeof extensions === "string") {
    return fail(
      id,
      "field_invalid",
      extensions,
      "extension names are 1 to 20 lower-case letters and digits, 16 at most",
    );
  }
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
      `${show(data.quantity)}: must be a decimal ≥ 0 with up to 12 digits on either side of the point; send it as a string beyond 15 significant digits`,
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

/** The hash of what an event meters: the same id with another one is a conflict (SPEC 2). */
export function hashOf(event: Omit<UsageEvent, "source">): string {
  const correction = readCorrection(event.id, event.extensions, event.quantity);
  const isCorrection = typeof correction === "object";
  return payloadHash({
    ...event,
    correction: isCorrection ? `${correction.kind} ${correction.id}` : undefined,
    account: accountOf(event),
  });
}

/** Code of the account that an event names by its extension attribute `account`; undefined where it names none. */
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

function forbiddenName(raw: unknown): string | undefined {
  if (typeof raw !== "object" || raw === null) return undefined;
  const inner = (raw as { data?: unknown }).data;
  const names = Object.keys(raw).concat(
    typeof inner === "object" && inner !== null ? Object.keys(inner) : [],
  );
  return names.find((name) => FORBIDDEN_NAMES.has(name));
}

function extensionsOf(event: Record<string, unknown>): UsageEvent["extensions"] | string {
  const names = Object.keys(event).filter((name) => !KNOWN.has(name));
  const wrong = names.find((name) => !EXTENSION_NAME.test(name));
  if (wrong !== undefined) return wrong.slice(0, 64);
  if (names.length > EVENT_LIMITS.extensions) return names[EVENT_LIMITS.extensions]!;
  if (event["dataschema"] !== undefined) names.push("dataschema");
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => [name, event[name] as string | number | boolean]));
}

function describeIssue(error: z.ZodError, raw: unknown): [ErrorCode, string, string] {
  const issue = error.issues[0]!;
  const field = issue.path.join(".") || "event";
  const value = issue.path.reduce<unknown>(
    (at, name) => (at as Record<PropertyKey, unknown> | undefined)?.[name],
    raw,
  );
  if (value === undefined && issue.code !== "unrecognized_keys")
    return ["field_missing", field, "is required"];
  return ["field_invalid", field, `${show(value)}: ${issue.message}`];
}

function show(value: unknown): string {
  const shown = JSON.stringify(value) ?? String(value);
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}

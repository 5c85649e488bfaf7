import { describe, expect, test } from "vitest";
import {
  ACCEPT_WINDOW,
  accountOf,
  hashOf,
  parseAnyEvent,
  parseUsageEvent,
  type Parsed,
} from "../src/usage/event.js";
import { eventKey } from "../src/usage/identity.js";
import { DAY, formatInstant, MINUTE, parseInstant, SECOND } from "../src/time.js";
import { EVENT_LIMITS, type UsageEvent } from "../src/usage/usageEvent.js";
import { fc } from "./property.js";

const NOW = parseInstant("2026-03-01T10:30:00Z")!;
const GOOD = {
  specversion: "1.0",
  id: "order-1",
  source: "shop",
  type: "tokens",
  subject: "customer-1",
  time: "2026-03-01T10:15:00Z",
  data: { quantity: "2.50" },
};
const parse = (change: Record<string, unknown> = {}): Parsed => parseUsageEvent({ ...GOOD, ...change }, NOW);

function eventOf(change: Record<string, unknown> = {}): UsageEvent {
  const parsed = parse(change);
  if (!parsed.ok) throw new Error(parsed.problem.detail);
  return parsed.event;
}

function without(name: string): unknown {
  return Object.fromEntries(Object.entries(GOOD).filter(([key]) => key !== name));
}

test("a good event comes out in canonical form", () => {
  const event = eventOf({
    datacontenttype: "application/json",
    region: "cn-north-4",
    retries: 3,
    trial: false,
  });
  expect(event).toEqual({
    source: "shop",
    id: "order-1",
    subject: "customer-1",
    meter: "tokens",
    time: parseInstant("2026-03-01T10:15:00Z"),
    quantity: "2.5",
    value: undefined,
    extensions: { region: "cn-north-4", retries: 3, trial: false },
  });
});

test("data may be missing or hold a value: what it lacks is the meter's to judge", () => {
  expect(parseUsageEvent(without("data"), NOW)).toMatchObject({ ok: true, event: { quantity: undefined } });
  expect(eventOf({ data: { value: "用户-ann 🙂" } })).toMatchObject({
    value: "用户-ann 🙂",
    quantity: undefined,
  });
});

describe("what is wrong is named by code and field", () => {
  const long = (length: number): string => "x".repeat(length);
  test.each<[string, Record<string, unknown>, string, string]>([
    ["another version", { specversion: "0.3" }, "field_invalid", "specversion"],
    ["a number as id", { id: 7 }, "field_invalid", "id"],
    ["an empty id", { id: "" }, "field_invalid", "id"],
    ["a long id", { id: long(EVENT_LIMITS.idChars + 1) }, "field_invalid", "id"],
    ["NUL", { id: "a\u0000b" }, "field_invalid", "id"],
    ["a line break", { subject: "a\nb" }, "field_invalid", "subject"],
    ["DEL", { subject: "a\u007f" }, "field_invalid", "subject"],
    ["a C1 control", { source: "a\u0085" }, "field_invalid", "source"],
    ["a lone high surrogate", { subject: "\ud83d" }, "field_invalid", "subject"],
    ["a lone low surrogate", { id: "a\udc00" }, "field_invalid", "id"],
    ["a long source", { source: long(EVENT_LIMITS.sourceChars + 1) }, "field_invalid", "source"],
    ["a long subject", { subject: long(EVENT_LIMITS.subjectChars + 1) }, "field_invalid", "subject"],
    ["null as subject", { subject: null }, "field_missing", "subject"],
    ["a meter with a blank", { type: "to kens" }, "field_invalid", "type"],
    ["a meter in Chinese", { type: "用量" }, "field_invalid", "type"],
    ["a long meter", { type: long(EVENT_LIMITS.meterChars + 1) }, "field_invalid", "type"],
    ["another content type", { datacontenttype: "text/xml" }, "field_invalid", "datacontenttype"],
    ["a time in words", { time: "yesterday" }, "field_invalid", "time"],
    ["a time without a zone", { time: "2026-03-01T10:15:00" }, "field_invalid", "time"],
    ["a day that is none", { time: "2026-02-30T10:15:00Z" }, "field_invalid", "time"],
    ["a long time", { time: long(41) }, "field_invalid", "time"],
    ["a number as time", { time: 1_772_359_200 }, "field_invalid", "time"],
    ["data that is no object", { data: "5" }, "field_invalid", "data"],
    ["data in a list", { data: [{ quantity: 1 }] }, "field_invalid", "data"],
    ["a quantity that is true", { data: { quantity: true } }, "field_invalid", "data.quantity"],
    ["a negative quantity", { data: { quantity: -1 } }, "quantity_invalid", "data.quantity"],
    ["an exponent that is too large", { data: { quantity: "1e12" } }, "quantity_invalid", "data.quantity"],
    ["a quantity too exact to trust", { data: { quantity: 0.1 + 0.2 } }, "quantity_invalid", "data.quantity"],
    ["an empty quantity", { data: { quantity: "" } }, "quantity_invalid", "data.quantity"],
    ["an empty value", { data: { value: "" } }, "field_invalid", "data.value"],
    ["a value with NUL", { data: { value: "a\u0000" } }, "field_invalid", "data.value"],
    ["an account that is a number", { account: 7 }, "field_invalid", "account"],
    ["an account that is an object", { account: {} }, "field_invalid", "account"],
    ["a long account", { account: long(257) }, "field_invalid", "account"],
    ["an event to correct with NUL", { corrects: "a\u0000" }, "field_invalid", "corrects"],
    ["a long id to cancel", { cancels: long(257) }, "field_invalid", "cancels"],
    ["data_base64 that holds no JSON", { data: null, data_base64: "AAAA" }, "malformed_json", "data_base64"],
  ])("%s", (_name, change, code, field) => {
    const parsed = parse(change);
    expect(parsed).toMatchObject({ ok: false, problem: { code, field } });
    if (!parsed.ok) expect(parsed.problem.detail.length).toBeLessThan(400);
  });

  test.each(["specversion", "id", "source", "type", "subject", "time"])("%s missing", (name) =>
    expect(parseUsageEvent(without(name), NOW)).toMatchObject({
      ok: false,
      problem: { code: "field_missing", field: name },
    }),
  );

  test.each([[null], [undefined], [7], ["text"], [[]], [[GOOD]], [true]])("%j is no event", (raw) =>
    expect(parseUsageEvent(raw, NOW)).toMatchObject({ ok: false, id: null }),
  );
});

describe("what is no part of the usage never refuses it", () => {
  const long = "x".repeat(EVENT_LIMITS.extensionChars + 1);
  test.each<[string, Record<string, unknown>]>([
    ["a name in capitals", { Region: "x" }],
    ["a name with a dash", { "x-region": "x" }],
    ["an object", { region: {} }],
    ["a fraction", { region: 1.5 }],
    ["a number beyond 2^53", { region: 2 ** 53 }],
    ["a text with NUL", { region: "\u0000" }],
    ["a lone surrogate", { region: "\ud800" }],
    ["a trace of more than 256 characters", { tracestate: long }],
    ["a name of more than 20 characters", { ["x".repeat(21)]: "x" }],
    ["null", { traceparent: null }],
  ])("an extension that cannot be kept is left out: %s", (_name, change) => {
    expect(eventOf({ ...change, trace: "kept" })).toEqual({ ...eventOf({}), extensions: { trace: "kept" } });
  });

  test("__proto__ as a key of its own, as JSON.parse makes it, is left out", () => {
    const raw: unknown = JSON.parse(JSON.stringify(GOOD).replace('"id"', '"__proto__":{"id":"x"},"id"'));
    expect(parseUsageEvent(raw, NOW)).toEqual({ ok: true, event: eventOf({}) });
  });

  test("of more extensions than are kept the first are, and all that say what the usage is", () => {
    const many = Object.fromEntries(
      Array.from({ length: EVENT_LIMITS.extensions + 5 }, (_, n) => [`x${n}`, n]),
    );
    const { extensions } = eventOf({ ...many, account: "shop", corrects: "e-0" });
    expect(Object.keys(extensions ?? {})).toEqual([
      ...["account", "corrects"],
      ...Array.from({ length: EVENT_LIMITS.extensions - 2 }, (_, n) => `x${n}`),
    ]);
  });

  test.each<[string, unknown]>([
    ["another field", { quantity: "2.5", model: "m-1", usage: { total: 7 }, prototype: 1 }],
    ["a value that is null", { quantity: "2.5", value: null }],
  ])("data may hold more than is read: %s", (_name, data) => expect(eventOf({ data })).toEqual(eventOf({})));

  test("null attributes count as not there", () => {
    const nulls = { datacontenttype: null, dataschema: null, account: null, corrects: null };
    expect(eventOf(nulls)).toEqual(eventOf({}));
    expect(eventOf({ data: null })).toMatchObject({ quantity: undefined, value: undefined });
    expect(eventOf({ data: { quantity: null, value: "a" } })).toMatchObject({
      quantity: undefined,
      value: "a",
    });
  });

  test.each([
    "application/json; charset=utf-8",
    "Application/JSON",
    "application/vnd.shop+json",
    "text/json",
  ])("data is JSON under any of its types: %s", (datacontenttype) =>
    expect(eventOf({ datacontenttype })).toEqual(eventOf({})),
  );

  test("data may come as data_base64, as some SDKs write it", () => {
    const packed = Buffer.from('{"quantity":"2.5"}').toString("base64");
    expect(eventOf({ data: null, data_base64: packed })).toEqual(eventOf({}));
  });
});

describe("the accept window", () => {
  test.each([
    [NOW - ACCEPT_WINDOW.past, "taken"],
    [NOW - ACCEPT_WINDOW.past - 1, "time_too_old"],
    [NOW + ACCEPT_WINDOW.future, "taken"],
    [NOW + ACCEPT_WINDOW.future + 1, "time_in_future"],
    [0, "time_too_old"],
    [NOW + 1000 * DAY, "time_in_future"],
  ])("%d is %s", (time, verdict) => {
    const parsed = parse({ time: formatInstant(time) });
    expect(parsed.ok ? "taken" : parsed.problem.code).toBe(verdict);
  });

  test("is a setting of the caller", () => {
    const time = formatInstant(NOW - 3 * DAY);
    const wide = { past: 4 * DAY, future: MINUTE };
    expect(parseUsageEvent({ ...GOOD, time }, NOW, wide).ok).toBe(true);
    expect(parse({ time }).ok).toBe(false);
  });
});

describe("the same usage is the same payload", () => {
  test.each<[string, Record<string, unknown>]>([
    ["quantity 2.5 as a number", { data: { quantity: 2.5 } }],
    ["quantity with zeros", { data: { quantity: "02.500" } }],
    ["another zone", { time: "2026-03-01T18:15:00+08:00" }],
    ["more decimals of a second than are kept", { time: "2026-03-01T10:15:00.0000009Z" }],
    ["an extension more", { region: "cn-north-4" }],
  ])("%s", (_name, change) => expect(hashOf(eventOf(change))).toBe(hashOf(eventOf())));

  test.each<[string, Record<string, unknown>]>([
    ["quantity", { data: { quantity: "2.51" } }],
    ["value", { data: { quantity: "2.5", value: "a" } }],
    ["subject", { subject: "customer-2" }],
    ["meter", { type: "calls" }],
    ["time", { time: "2026-03-01T10:15:00.000001Z" }],
    ["account", { account: "koogallery-intl" }],
  ])("another %s is another payload under the same key", (_name, change) => {
    expect(hashOf(eventOf(change))).not.toBe(hashOf(eventOf()));
    expect(eventOf(change).id).toBe(eventOf().id);
  });
});

test.each([
  ["koogallery-cn", "koogallery-cn"],
  [undefined, undefined],
])("an event that names the account %s is of it", (account, named) => {
  expect(accountOf(eventOf({ ...(account !== undefined && { account }) }))).toBe(named);
});

test.each([[""], [true], [7]])("%j is the code of no account", (account) => {
  const parsed = parse({ account });
  expect(parsed.ok ? undefined : parsed.problem).toMatchObject({ code: "field_invalid", field: "account" });
});

test("the quick way for plain events comes to what the schema comes to", () => {
  const odd = fc.oneof(
    fc.constantFrom<unknown>(
      "",
      " ",
      "a",
      "é",
      "a\u0000",
      "tokens",
      "1.0",
      "x".repeat(300),
      null,
      1,
      1.5,
      -1,
      [],
      {},
      true,
    ),
    fc.string({ unit: "binary-ascii", maxLength: 5 }),
  );
  const time = fc.constantFrom<unknown>(
    GOOD.time,
    "2026-03-01T18:15:00.25+08:00",
    "2026-03-01",
    "2026-02-30T00:00:00Z",
    5,
  );
  const quantity = fc.constantFrom<unknown>(
    "2.50",
    "007",
    2.5,
    1e-7,
    "1e3",
    "-1",
    "9".repeat(13),
    null,
    "NaN",
    undefined,
  );
  const changed = fc.record(
    {
      specversion: odd,
      id: odd,
      source: odd,
      type: odd,
      subject: odd,
      time: fc.oneof(time, odd),
      data: fc.oneof(odd, fc.record({ quantity, value: odd, other: odd }, { requiredKeys: [] })),
      region: odd,
      corrects: odd,
      constructor: odd,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(changed, (change) => {
      const raw: unknown = JSON.parse(JSON.stringify({ ...GOOD, ...change }));
      expect(parseUsageEvent(raw, NOW)).toEqual(parseAnyEvent(raw, NOW));
    }),
    { numRuns: 2_000 },
  );
});

test("whatever comes, it is refused with a reason or every later stage can store it", () => {
  const nasty = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.anything({ maxDepth: 3, withNullPrototype: true }),
    fc.constantFrom("1.0", "tokens", "2026-03-01T10:15:00Z", "5", 5, "\ud800", "\u0000"),
  );
  const mutated = fc
    .dictionary(fc.oneof(fc.constantFrom(...Object.keys(GOOD), "region", "dataschema"), fc.string()), nasty)
    .map((change) => ({ ...GOOD, ...change }));
  fc.assert(
    fc.property(fc.oneof(mutated, nasty), (raw) => {
      const parsed = parseUsageEvent(raw, NOW);
      if (!parsed.ok) {
        expect(parsed.problem.detail).not.toBe("");
        return;
      }
      const { event } = parsed;
      for (const text of [event.source, event.id, event.subject, event.meter, event.value ?? "-"])
        expect(text).toMatch(/^[^\p{Cc}\p{Cs}]+$/u);
      expect(eventKey(event.id)).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      expect(event.quantity ?? "0").toMatch(/^\d{1,12}(\.\d{1,12})?$/);
      expect(Math.abs(event.time - NOW)).toBeLessThanOrEqual(ACCEPT_WINDOW.past);
      expect(JSON.stringify(event.extensions ?? {})).not.toMatch(/\\u0000|\\ud[89a-f]/);
    }),
    { numRuns: 500 },
  );
});

test("a problem is one bounded line, however large the value", () => {
  const parsed = parse({ subject: "x".repeat(SECOND) });
  expect(parsed.ok ? "" : parsed.problem.detail.length).toBeLessThan(300);
});

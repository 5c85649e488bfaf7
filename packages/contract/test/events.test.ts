import { parseInstant, parseUsageEvent } from "@quarterpast/domain";
import { usageEvent } from "@quarterpast/contract";
import fc from "fast-check";
import { expect, test } from "vitest";

const NOW = parseInstant("2026-03-01T10:30:00Z")!;

const sound = {
  specversion: "1.0",
  id: "e-1",
  source: "gateway",
  type: "llm.tokens",
  subject: "customer-1",
  time: "2026-03-01T10:00:00Z",
  data: { quantity: "1.5" },
};

/** Valid and invalid values of each field; undefined leaves it out. */
const VALUES: Record<string, readonly unknown[]> = {
  specversion: ["1.0", "0.3", 1, undefined],
  id: ["e-1", "事件", "x".repeat(128), "x".repeat(129), "", "a\u0000b", "\ud800", 7, undefined],
  source: ["gateway", "/a b", "x".repeat(600), "", null, undefined],
  type: ["llm.tokens", "-x", "a b", "x".repeat(65), undefined],
  subject: ["customer-1", "客户", "\u0007", "x".repeat(129), [], undefined],
  time: [
    ...["2026-03-01T10:00:00Z", "2026-03-01T18:00:00+08:00", "2026-03-01T10:00:00.123456Z"],
    ...["2026-02-30T00:00:00Z", "2026-03-01T10:00:00", "x", "", 5, undefined],
  ],
  datacontenttype: ["application/json", "Application/JSON; charset=utf-8", "text/plain", null, undefined],
  dataschema: ["urn:x", "", undefined],
  data: [
    ...[{}, undefined, null, [], "x", { quantity: 1 }, { quantity: "0" }, { quantity: "12.000000000001" }],
    ...[
      { quantity: -1 },
      { quantity: "1e3" },
      { quantity: "1.0000000000001" },
      { quantity: 1e21 },
      { quantity: "" },
    ],
    ...[{ value: "user-1" }, { value: "" }, { value: 1 }, { quantity: 1, price: 2 }, { constructor: 1 }],
  ],
  region: ["cn-north-4", true, 3, 1.5, "", "\u0000", {}, null, undefined],
  Region: ["x", undefined],
  ["x".repeat(21)]: ["x", undefined],
  constructor: ["x", undefined],
};

/** A valid event with up to three fields replaced. */
const events = fc
  .uniqueArray(fc.constantFrom(...Object.keys(VALUES)), { maxLength: 3 })
  .chain((names) =>
    fc.tuple(
      ...names.map((name) => fc.constantFrom(...VALUES[name]!).map((value) => [name, value] as const)),
    ),
  )
  .map((changes): unknown => JSON.parse(JSON.stringify({ ...sound, ...Object.fromEntries(changes) })));

test("what the collector takes and refuses is what the schema of an event says", () => {
  let taken = 0;
  fc.assert(
    fc.property(events, (raw) => {
      const { ok } = parseUsageEvent(raw, NOW);
      if (ok) taken += 1;
      expect({ raw, ok: usageEvent.safeParse(raw).success }).toEqual({ raw, ok });
    }),
    { numRuns: 3_000 },
  );
  // If nearly all or nearly none were accepted, the property would say little.
  expect(taken).toBeGreaterThan(300);
  expect(taken).toBeLessThan(2_700);
});

test("every value of every field, one at a time, is taken or refused alike", () => {
  for (const [name, values] of Object.entries(VALUES))
    for (const value of values) {
      const raw: unknown = JSON.parse(JSON.stringify({ ...sound, [name]: value }));
      expect({ name, value, ok: usageEvent.safeParse(raw).success }).toEqual({
        ...{ name, value },
        ok: parseUsageEvent(raw, NOW).ok,
      });
    }
});

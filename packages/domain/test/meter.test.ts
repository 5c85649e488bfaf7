import { describe, expect, test } from "vitest";
import { valueKey } from "../src/usage/identity.js";
import {
  AGGREGATIONS,
  compareDecimals,
  foldBatch,
  refusalOf,
  type CountedEvent,
  type HourAddition,
} from "../src/usage/meter.js";
import { addDecimals } from "../src/quantity.js";
import { HOUR } from "../src/time.js";
import { decimal, fc } from "./property.js";

describe("what a meter cannot count", () => {
  const meter = (aggregation: (typeof AGGREGATIONS)[number]) => ({
    code: "m",
    aggregation,
    unit: "u",
    scale: 2,
  });
  test.each([
    ["sum", {}, "quantity_missing"],
    ["sum", { value: "a" }, "quantity_missing"],
    ["sum", { quantity: "1.234" }, "scale_exceeded"],
    ["sum", { quantity: "1.23" }, undefined],
    ["sum", { quantity: "0" }, undefined],
    ["max", {}, "quantity_missing"],
    ["max", { quantity: "0.001" }, "scale_exceeded"],
    ["max", { quantity: "9" }, undefined],
    ["count", {}, undefined],
    ["count", { quantity: "1.234", value: "a" }, undefined],
    ["unique", {}, "value_missing"],
    ["unique", { quantity: "1" }, "value_missing"],
    ["unique", { value: "a" }, undefined],
  ] as const)("%s with %j: %s", (aggregation, event, reason) =>
    expect(refusalOf(meter(aggregation), event)).toBe(reason),
  );
});

/** Instance n has meter n: an instance never changes how it counts. */
const event: fc.Arbitrary<CountedEvent> = fc
  .record({
    instanceNo: fc.integer({ min: 0, max: 7 }),
    origin: fc.nat(2),
    late: fc.nat(2),
    quantity: decimal(6, 6),
    value: fc.constantFrom("ann", "bob", "cy"),
  })
  .map(({ instanceNo, origin, late, quantity, value }) => ({
    shard: instanceNo % 3,
    instanceNo,
    aggregation: AGGREGATIONS[instanceNo % 4]!,
    originHour: origin * HOUR,
    billHour: (origin + late) * HOUR,
    quantity,
    value,
  }));
const batch = fc.array(event, { maxLength: 60 });
const keyOf = (row: HourAddition): string => `${row.billHour} ${row.instanceNo} ${row.originHour}`;
const lists = (events: readonly CountedEvent[]): HourAddition[][] => Object.values(foldBatch(events));

describe("folding a batch", () => {
  test("counts every event once", () => {
    fc.assert(
      fc.property(batch, (events) => {
        const counted = lists(events)
          .flat()
          .reduce((sum, row) => sum + row.events, 0);
        expect(counted).toBe(events.length);
      }),
    );
  });

  test("sums, counts, maxima and values of an hour are those of its events, whatever their order", () => {
    fc.assert(
      fc.property(batch, fc.integer(), (events, by) => {
        const turned =
          events.length === 0 ? [] : [...events.slice(by % events.length), ...events].slice(0, events.length);
        const same = turned.length === events.length && new Set(turned).size === new Set(events).size;
        const folded = foldBatch(events);
        if (same) expect(foldBatch(turned)).toEqual(folded);
        expect(foldBatch([...events].reverse())).toEqual(folded);
        for (const row of folded.additions) {
          const own = events.filter(
            (one) => keyOf({ ...row, ...one, quantity: "", events: 0 }) === keyOf(row),
          );
          const isSum = own[0]!.aggregation === "sum";
          expect(row.quantity).toBe(
            isSum ? addDecimals(...own.map((one) => one.quantity!)) : String(own.length),
          );
        }
        for (const row of folded.maxima) {
          const own = events.filter(
            (one) => keyOf({ ...row, ...one, quantity: "", events: 0 }) === keyOf(row),
          );
          expect(own.map((one) => one.quantity)).toContain(row.quantity);
          for (const one of own)
            expect(compareDecimals(row.quantity, one.quantity!)).toBeGreaterThanOrEqual(0);
        }
        for (const row of folded.uniques) {
          const own = events.filter(
            (one) => keyOf({ ...row, ...one, quantity: "", events: 0 }) === keyOf(row),
          );
          expect(row.valueKeys).toEqual([...new Set(own.map((one) => valueKey(one.value!)))].sort());
        }
      }),
    );
  });

  test("cut in two anywhere, its sums and counts add up to the same", () => {
    fc.assert(
      fc.property(batch, batch, (a, b) => {
        const together = new Map(foldBatch([...a, ...b]).additions.map((row) => [keyOf(row), row]));
        const apart = [...foldBatch(a).additions, ...foldBatch(b).additions];
        for (const [key, row] of together) {
          const pieces = apart.filter((one) => keyOf(one) === key);
          expect(addDecimals(...pieces.map((one) => one.quantity))).toBe(row.quantity);
          expect(pieces.reduce((sum, one) => sum + one.events, 0)).toBe(row.events);
        }
      }),
    );
  });

  test("gives each list sorted by shard, bill hour, instance and origin, without doubles", () => {
    fc.assert(
      fc.property(batch, (events) => {
        for (const list of lists(events)) {
          const keys = list.map((row) => [row.shard, row.billHour, row.instanceNo, row.originHour]);
          expect(keys).toEqual(
            [...keys].sort((a, b) => a.map((n, at) => n - b[at]!).find((n) => n !== 0) ?? 0),
          );
          expect(new Set(keys.map(String)).size).toBe(keys.length);
        }
      }),
    );
  });
});

import { describe, expect, test } from "vitest";
import { billableSpan, planParts, supplementInterval, type Interval } from "../src/placement/interval.js";
import type { RecordLimits } from "../src/billing/limits.js";
import { HOUR, MINUTE, parseInstant, SECOND } from "../src/time.js";
import { decimal, exact, fc } from "./property.js";

const H = parseInstant("2026-03-01T10:00:00Z")!;
const LIMITS: RecordLimits = {
  recordsPerCall: 1_000,
  quantityDecimals: 4,
  largestQuantity: "9".repeat(16),
  partsPerHour: "many",
  shortestInterval: SECOND,
  filesZero: false,
  serialNumberChars: 64,
  instanceIdChars: 64,
  callBytes: 1_000_000,
};
const seconds = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max }).map((n) => n * SECOND);

describe("what an hour's records may fill", () => {
  test.each([
    ["the whole hour of a life that goes on", -HOUR, undefined, [0, HOUR]],
    ["from the opening on", 10 * MINUTE, undefined, [10 * MINUTE, HOUR]],
    ["the whole hour where the life ends in a later one", -HOUR, 2 * HOUR, [0, HOUR]],
    ["all but the last minute of a life that ends in it", -HOUR, 30 * MINUTE, [0, 29 * MINUTE]],
    ["all but the last minute of a life that ends with it", -HOUR, HOUR, [0, 59 * MINUTE]],
    ["half of a life shorter than two minutes", 5 * MINUTE, 6 * MINUTE, [5 * MINUTE, 5.5 * MINUTE]],
    ["the one second of a life of one", 5 * SECOND, 6 * SECOND, [5 * SECOND, 6 * SECOND]],
    ["nothing before the life", HOUR, undefined, undefined],
    ["nothing after the life", -HOUR, 0, undefined],
  ])("is %s", (_name, opened, closed, span) => {
    const life = { opened: H + opened, closed: closed === undefined ? undefined : H + closed };
    expect(billableSpan(H, life)).toEqual(span && { begin: H + span[0]!, end: H + span[1]! });
  });

  test("lies in the hour and in the life, in whole seconds, and leaves a second for a supplement", () => {
    fc.assert(
      fc.property(seconds(7200), seconds(7200), fc.boolean(), (opened, length, lives) => {
        const life = {
          opened: H - HOUR + opened,
          closed: lives ? undefined : H - HOUR + opened + length + SECOND,
        };
        const span = billableSpan(H, life);
        const overlap = Math.min(H + HOUR, life.closed ?? Infinity) - Math.max(H, life.opened);
        expect(span !== undefined).toBe(overlap > 0);
        if (!span) return;
        expect(span.begin).toBe(Math.max(H, life.opened));
        expect(span.end).toBeGreaterThan(span.begin);
        expect(span.end).toBeLessThanOrEqual(Math.min(H + HOUR, life.closed ?? Infinity));
        expect(span.end % SECOND).toBe(0);
        const endsHere = life.closed !== undefined && life.closed <= H + HOUR;
        if (endsHere && overlap > SECOND) expect(span.end).toBeLessThan(life.closed!);
      }),
    );
  });
});

describe("a supplement", () => {
  const taken = fc.array(
    fc.tuple(fc.nat(120), fc.integer({ min: 1, max: 40 })).map(([from, length]): Interval => {
      return { begin: H + from * SECOND, end: H + (from + length) * SECOND };
    }),
    { maxLength: 12 },
  );

  test("takes the latest free second of the life, and none where none is free", () => {
    fc.assert(
      fc.property(taken, seconds(100), seconds(160), seconds(120), (intervals, opened, closed, oldest) => {
        const life = { opened: H + opened, closed: H + closed };
        let latest: number | undefined;
        for (let at = Math.max(life.opened, H + oldest); at + SECOND <= life.closed; at += SECOND)
          if (!intervals.some(({ begin, end }) => begin < at + SECOND && at < end)) latest = at;
        const wanted = latest === undefined ? undefined : { begin: latest, end: latest + SECOND };
        expect(supplementInterval(life, H + oldest, intervals)).toEqual(wanted);
      }),
      { numRuns: 500 },
    );
  });

  test("is not for a life that goes on: its late usage rolls forward", () =>
    expect(supplementInterval({ opened: H }, H, [])).toBeUndefined());
});

describe("parts of an hour", () => {
  test("and the residue are the total; parts are disjoint, in order, inside the span, and none is too large", () => {
    const limits = fc.record({
      quantityDecimals: fc.integer({ min: 0, max: 6 }),
      digits: fc.integer({ min: 1, max: 16 }),
      shortest: fc.integer({ min: 1, max: 400 }),
      partsPerHour: fc.constantFrom(1 as const, "many" as const),
    });
    fc.assert(
      fc.property(
        decimal(8),
        limits,
        seconds(3500),
        seconds(90),
        (total, { digits, shortest, ...own }, from, length) => {
          const shortestInterval = shortest * SECOND;
          const largestQuantity = ["9".repeat(digits), "9".repeat(own.quantityDecimals)]
            .filter((digit) => digit !== "")
            .join(".");
          const span = { begin: H + from, end: H + from + length + SECOND };
          const { parts, residue } = planParts(span, total, {
            ...LIMITS,
            ...own,
            largestQuantity,
            shortestInterval,
          });
          if (own.partsPerHour === 1) expect(parts.length).toBeLessThanOrEqual(1);
          expect(parts.reduce((sum, part) => sum + exact(part.quantity), exact(residue))).toBe(exact(total));
          expect(exact(residue)).toBeGreaterThanOrEqual(0n);
          let free = span.begin;
          for (const [index, part] of parts.entries()) {
            expect(part.part).toBe(index);
            expect(part.begin).toBe(free);
            expect(part.end - part.begin).toBeGreaterThanOrEqual(shortestInterval);
            expect(part.begin % SECOND).toBe(0);
            expect(exact(part.quantity)).toBeGreaterThan(0n);
            expect(part.quantity.split(".")[0]!.length).toBeLessThanOrEqual(digits);
            expect(part.quantity.split(".")[1]?.length ?? 0).toBe(own.quantityDecimals);
            free = part.end;
          }
          if (parts.length > 0) expect(free).toBe(span.end);
        },
      ),
      { numRuns: 300 },
    );
  });

  const share = fc.record({
    packageInstance: fc.constantFrom(undefined, "pkg-1", "pkg-2", "pkg-3"),
    quantity: decimal(3, 6),
  });

  test("of several packages name one package each, in order, and carry just what it gives", () => {
    fc.assert(
      fc.property(decimal(4), fc.array(share, { maxLength: 6 }), (total, shares) => {
        const { parts, residue } = planParts({ begin: H, end: H + HOUR }, total, LIMITS, shares);
        expect(parts.reduce((sum, part) => sum + exact(part.quantity), exact(residue))).toBe(exact(total));
        expect(exact(residue)).toBeLessThan(exact("0.0001"));
        const carriedBy = (name: string | undefined) =>
          parts
            .filter((one) => one.packageInstance === name)
            .reduce((sum, one) => sum + exact(one.quantity), 0n);
        const given = shares.reduce((sum, one) => sum + exact(one.quantity), 0n);
        let left = exact(total);
        const wanted = new Map<string | undefined, bigint>();
        for (const { packageInstance, quantity } of [
          ...shares,
          { packageInstance: undefined, quantity: total },
        ]) {
          const taken = exact(quantity) < left ? exact(quantity) : left;
          left -= taken;
          wanted.set(packageInstance, (wanted.get(packageInstance) ?? 0n) + taken);
        }
        // Each part is cut at the running sum, so none is more than a last decimal away from its share.
        const step = exact("0.0001") * BigInt(shares.length + 1);
        for (const [name, quantity] of wanted) {
          const difference = carriedBy(name) - quantity;
          expect(difference < 0n ? -difference : difference).toBeLessThanOrEqual(step);
        }
        if (given === 0n) expect(parts.every((one) => one.packageInstance === undefined)).toBe(true);
        for (const [at, part] of parts.entries()) {
          if (at > 0) expect(part.packageInstance).not.toBe(parts[at - 1]!.packageInstance);
          expect(part.begin).toBe(at === 0 ? H : parts[at - 1]!.end);
        }
      }),
    );
  });

  test("of two packages and what none gives", () => {
    const shares = [
      { packageInstance: "sooner", quantity: "2.5" },
      { packageInstance: "later", quantity: "4" },
    ];
    const { parts } = planParts({ begin: H, end: H + HOUR }, "10", LIMITS, shares);
    expect(parts.map(({ packageInstance, quantity }) => [packageInstance, quantity])).toEqual([
      ["sooner", "2.5000"],
      ["later", "4.0000"],
      [undefined, "3.5000"],
    ]);
  });

  test("are one where one can carry it, none below the last decimal", () => {
    const span = { begin: H, end: H + HOUR };
    expect(planParts(span, "12.34567", LIMITS)).toEqual({
      parts: [{ part: 0, ...span, quantity: "12.3456" }],
      residue: "0.00007",
    });
    expect(planParts(span, "0.00009", LIMITS)).toEqual({ parts: [], residue: "0.00009" });
    expect(planParts(span, "0", LIMITS)).toEqual({ parts: [], residue: "0" });
    const two = planParts(span, "10", { ...LIMITS, largestQuantity: "9.9999" });
    expect(two.parts.map(({ begin, end, quantity }) => [begin - H, end - H, quantity])).toEqual([
      [0, HOUR / 2, "9.9999"],
      [HOUR / 2, HOUR, "0.0001"],
    ]);
  });
});

import { describe, expect, test } from "vitest";
import type { Interval } from "../src/placement/interval.js";
import type { RecordLimits } from "../src/billing/limits.js";
import { needsSupplement, planRecords, planRereport, type UsageToBill } from "../src/placement/plan.js";
import { serialNumber } from "../src/billing/record.js";
import { HOUR, MINUTE, parseInstant, SECOND } from "../src/time.js";
import { decimal, exact, fc } from "./property.js";

const H = parseInstant("2026-03-01T10:00:00Z")!;
const LIMITS: RecordLimits = {
  recordsPerCall: 1_000,
  quantityDecimals: 4,
  largestQuantity: "9999.9999",
  partsPerHour: "many",
  shortestInterval: SECOND,
  filesZero: false,
  serialNumberChars: 64,
  instanceIdChars: 64,
  callBytes: 1_000_000,
};
const USAGE: UsageToBill = {
  account: "koogallery-cn",
  product: "llm",
  instance: "i-1",
  meter: "tokens",
  unit: "token",
  opened: H - 24 * HOUR,
  closed: null,
  quantity: "12.34567",
  events: 3,
  residue: "0.00004",
};
const contextOf = (hour = H, taken: Interval[] = []) => ({
  hour,
  recordTime: hour + HOUR + 2 * MINUTE,
  limits: LIMITS,
  notBefore: H - 21 * 24 * HOUR,
  taken,
});

describe("the records of an instance's hour", () => {
  test("carry its usage and the residue carried in; what is below the last decimal is carried out", () => {
    const plan = planRecords(USAGE, contextOf());
    expect(plan.residue).toBe("0.00001");
    expect(plan.bodies).toMatchObject([
      {
        kind: "usage",
        part: "0",
        begin: H,
        end: H + HOUR,
        quantity: "12.3457",
        events: 3,
        residueIn: "0.00004",
        residueOut: "0.00001",
      },
    ]);
  });

  test("what is billed and what stays is what was used, to the last decimal", () => {
    fc.assert(
      fc.property(decimal(9), decimal(1, 12), fc.nat(3_599), (quantity, residue, opened) => {
        const usage = { ...USAGE, quantity, residue, opened: H + opened * SECOND };
        const { bodies, residue: left, unbillable } = planRecords(usage, contextOf());
        expect(unbillable).toBeUndefined();
        const billed = bodies.reduce((sum, body) => sum + exact(body.quantity), 0n);
        expect(billed + exact(left)).toBe(exact(quantity) + exact(residue));
        expect(bodies.reduce((sum, body) => sum + body.events, 0)).toBe(
          bodies.length === 0 ? 0 : usage.events,
        );
        if (bodies.length > 0) {
          expect(bodies.at(-1)!.residueOut).toBe(left);
          expect(bodies[0]!.residueIn).toBe(residue);
        }
        expect(new Set(bodies.map(serialNumber)).size).toBe(bodies.length);
      }),
    );
  });

  test("over many hours nothing is lost: all that was used is billed or is the last residue", () => {
    fc.assert(
      fc.property(fc.array(decimal(3, 12), { minLength: 1, maxLength: 30 }), (hours) => {
        let residue = "0";
        let billed = 0n;
        for (const [at, quantity] of hours.entries()) {
          const plan = planRecords({ ...USAGE, quantity, residue }, contextOf(H + at * HOUR));
          billed += plan.bodies.reduce((sum, body) => sum + exact(body.quantity), 0n);
          residue = plan.residue;
          expect(exact(residue)).toBeLessThan(exact("0.0001"));
        }
        expect(billed + exact(residue)).toBe(hours.reduce((sum, quantity) => sum + exact(quantity), 0n));
      }),
    );
  });
});

describe("usage of a life that is over", () => {
  const closed = { ...USAGE, closed: H + 30 * MINUTE, residue: "0" };

  test("needs a supplement only in a later hour", () => {
    expect(needsSupplement(H, closed)).toBe(false);
    expect(needsSupplement(H + HOUR, closed)).toBe(true);
  });

  test("goes out in the life's last free second", () => {
    const taken = [{ begin: H, end: H + 29 * MINUTE }];
    expect(planRecords(closed, contextOf(H + HOUR, taken)).bodies).toMatchObject([
      { kind: "supplement", hour: H + HOUR, begin: closed.closed - SECOND, end: closed.closed },
    ]);
  });

  test("taken from two packages has a second for each, as far as there are any", () => {
    const shares = [
      { packageInstance: "pkg-1", quantity: "2" },
      { packageInstance: "pkg-2", quantity: "10.3456" },
    ];
    const plan = planRecords({ ...closed, shares }, contextOf(H + HOUR));
    expect(plan.bodies).toMatchObject([
      {
        begin: closed.closed - 2 * SECOND,
        end: closed.closed - SECOND,
        packageInstance: "pkg-1",
        quantity: "2.0000",
      },
      { begin: closed.closed - SECOND, end: closed.closed, packageInstance: "pkg-2", quantity: "10.3456" },
    ]);
    const taken = [{ begin: H - HOUR, end: closed.closed - SECOND }];
    const tight = planRecords({ ...closed, shares }, contextOf(H + HOUR, taken));
    expect(tight).toMatchObject({
      bodies: [{ packageInstance: "pkg-1", quantity: "2.0000" }],
      residue: "10.34567",
    });
  });

  test("without a free second is reported as unbillable, with its residue untouched", () => {
    const taken = [{ begin: closed.opened, end: closed.closed }];
    const plan = planRecords({ ...closed, residue: "0.00004" }, contextOf(H + HOUR, taken));
    expect(plan).toMatchObject({ bodies: [], residue: "0.00004" });
    expect(plan.unbillable).toBeTruthy();
  });
});

describe("a re-report", () => {
  const [body] = planRecords(USAGE, contextOf()).bodies;
  const replaced = { ...body!, sn: serialNumber(body!) };

  test("keeps the interval under another serial number and names what it replaces", () => {
    const first = planRereport(replaced, "9.5", LIMITS, H + 3 * HOUR);
    expect(first).toMatchObject({
      kind: "rereport",
      begin: H,
      end: H + HOUR,
      hour: H,
      part: "0r1",
      quantity: "9.5000",
      replaces: replaced.sn,
    });
    const second = planRereport({ ...first, sn: serialNumber(first) }, "9", LIMITS, H + 4 * HOUR);
    expect(second).toMatchObject({ part: "0r2", begin: H, end: H + HOUR, replaces: serialNumber(first) });
    expect(new Set([replaced.sn, serialNumber(first), serialNumber(second)]).size).toBe(3);
  });

  test("names the package of the record it replaces", () =>
    expect(planRereport({ ...replaced, packageInstance: "pkg-1" }, "9", LIMITS, H).packageInstance).toBe(
      "pkg-1",
    ));

  test("rounds nothing away: a quantity with more decimals than the marketplace takes is refused", () =>
    expect(() => planRereport(replaced, "9.00001", LIMITS, H)).toThrow(RangeError));
});

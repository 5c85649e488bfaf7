import { describe, expect, test } from "vitest";
import type { RecordLimits } from "../src/billing/limits.js";
import { RECORD_STATES } from "../src/billing/state.js";
import { serialNumber } from "../src/billing/record.js";
import type { PlanContext, UsageToBill } from "../src/placement/plan.js";
import { attemptOf, placementOf } from "../src/placement/placement.js";
import { holdsSlot, type Refiled } from "../src/placement/rereport.js";
import { HOUR, hourOf, MINUTE, parseInstant, SECOND } from "../src/time.js";
import { decimal, exact, fc } from "./property.js";

const H = parseInstant("2026-03-01T10:00:00Z")!;
const LIMITS: RecordLimits = {
  recordsPerCall: 25,
  quantityDecimals: 0,
  largestQuantity: "2147483647",
  partsPerHour: 1,
  shortestInterval: SECOND,
  filesZero: false,
  serialNumberChars: 64,
  instanceIdChars: 64,
  callBytes: 1_000_000,
};
const USAGE: UsageToBill = {
  account: "a",
  product: "llm",
  instance: "i-1",
  meter: "tokens",
  unit: "token",
  opened: H - 24 * HOUR,
  closed: null,
  quantity: "12.75",
  events: 3,
  residue: "0.5",
};
const contextOf = (change: Partial<PlanContext> = {}): PlanContext => ({
  ...{ hour: H, recordTime: H + HOUR + 2 * MINUTE, limits: LIMITS, notBefore: H - 24 * HOUR, taken: [] },
  ...change,
});
const hours = placementOf({ slot: "hour", supersede: "refused_only" });
const intervals = placementOf({ slot: "interval", supersede: "same_slot" });
const nothing = placementOf({ slot: "none", supersede: "refused_only" });

describe("where an hour of an instance is taken once", () => {
  test("it has one record of whole units; the rest waits for the next hour", () => {
    const { bodies, residue } = hours.plan(USAGE, contextOf());
    expect(bodies).toMatchObject([
      { part: "0", begin: H, end: H + HOUR, quantity: "13", residueIn: "0.5", residueOut: "0.25", events: 3 },
    ]);
    expect(residue).toBe("0.25");
  });

  test("what earlier records have to give goes with the hour, or stays with them", () => {
    const carried = { quantity: "20", serialNumbers: ["b1a", "b1b"] };
    const plan = hours.plan({ ...USAGE, carried }, contextOf());
    expect(plan).toMatchObject({ residue: "0.25", bodies: [{ quantity: "33", residueIn: "0.5", carried }] });
    // A credit that is larger leaves no record to name them: they keep it.
    const credit = hours.plan({ ...USAGE, quantity: "0", residue: "-21", carried }, contextOf());
    expect(credit).toEqual({ bodies: [], residue: "-21" });
    // Of a life that is over with no free hour, too.
    const over = { ...USAGE, opened: H - 2 * HOUR, closed: H - HOUR, quantity: "0", residue: "0", carried };
    const taken = [{ begin: H - 2 * HOUR, end: H - HOUR }];
    expect(hours.plan(over, contextOf({ taken }))).toEqual({ bodies: [], residue: "0" });
    expect(hours.plan(over, contextOf()).bodies).toMatchObject([
      { kind: "supplement", quantity: "20", carried },
    ]);
    // Usage of its own says nothing of what it took over; an hour without any does.
    expect(hours.plan(USAGE, contextOf()).bodies[0]!.carried).toBeUndefined();
    expect(
      hours.plan({ ...USAGE, quantity: "0", events: 0, residue: "1" }, contextOf()).bodies,
    ).toMatchObject([{ quantity: "1", carried: { quantity: "0", serialNumbers: [] } }]);
  });

  test("however much was used, one record is made, and nothing is lost", () => {
    fc.assert(
      fc.property(decimal(13), decimal(3, 12), fc.boolean(), (quantity, carried, filesZero) => {
        const limits = { ...LIMITS, filesZero };
        const { bodies, residue } = hours.plan(
          { ...USAGE, quantity, residue: carried },
          contextOf({ limits }),
        );
        expect(bodies.length).toBeLessThanOrEqual(1);
        if (filesZero) expect(bodies).toHaveLength(1);
        for (const body of bodies) expect(exact(body.quantity)).toBeLessThanOrEqual(exact("2147483647"));
        const filed = bodies.reduce((sum, body) => sum + exact(body.quantity), 0n);
        expect(filed + exact(residue)).toBe(exact(quantity) + exact(carried));
      }),
      { numRuns: 300 },
    );
  });

  test("its record lies inside the life, in whole seconds, with no minute kept free", () => {
    const opened = H + 10 * MINUTE + 300_000;
    const life = { ...USAGE, opened, closed: H + 30 * MINUTE };
    const [body] = hours.plan(life, contextOf()).bodies;
    expect([body!.begin, body!.end]).toEqual([H + 10 * MINUTE + SECOND, H + 30 * MINUTE]);
  });

  test("an hour without a whole unit is filed as 0 where the marketplace wants that, and holds its slot", () => {
    const small = { ...USAGE, quantity: "0.2", residue: "0.3" };
    expect(hours.plan(small, contextOf())).toEqual({ bodies: [], residue: "0.5" });
    const zero = hours.plan(small, contextOf({ limits: { ...LIMITS, filesZero: true } }));
    expect(zero).toMatchObject({ bodies: [{ quantity: "0", residueOut: "0.5" }], residue: "0.5" });
    const credit = { ...USAGE, quantity: "-3", residue: "0" };
    expect(hours.plan(credit, contextOf())).toEqual({ bodies: [], residue: "-3" });
  });

  test("usage of a life that is over takes its first hour that no record holds and that is still taken", () => {
    const over = { ...USAGE, opened: H - 5 * HOUR + 20 * MINUTE, closed: H - HOUR };
    expect(hours.needsTaken(H, over)).toBe(true);
    const held = [
      { begin: H - 5 * HOUR + 20 * MINUTE, end: H - 4 * HOUR },
      { begin: H - 4 * HOUR, end: H - 4 * HOUR + MINUTE },
    ];
    const late = hours.plan(over, contextOf({ taken: held }));
    expect(late.bodies).toMatchObject([
      { kind: "supplement", begin: H - 3 * HOUR, end: H - 2 * HOUR, hour: H },
    ]);
    const old = hours.plan(over, contextOf({ taken: held, notBefore: H - 3 * HOUR + SECOND }));
    expect(old.bodies).toMatchObject([{ begin: H - 2 * HOUR, end: H - HOUR }]);
    const all = [...held, { begin: H - 3 * HOUR, end: H - 2 * HOUR }, { begin: H - 2 * HOUR, end: H - HOUR }];
    for (const context of [contextOf({ taken: all }), contextOf({ notBefore: Infinity })])
      expect(hours.plan(over, context)).toMatchObject({
        bodies: [],
        residue: "0.5",
        unbillable: expect.any(String),
      });
  });

  test("no two records of a life ever share an hour, wherever late usage goes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 * 3600 }),
        fc.integer({ min: 1, max: 6 * 3600 }),
        fc.array(decimal(3), { minLength: 1, maxLength: 12 }),
        (opened, length, amounts) => {
          const life = { opened: H - opened * SECOND, closed: H - opened * SECOND + length * SECOND };
          const taken: { begin: number; end: number }[] = [];
          const slots = new Set<string>();
          for (const [at, quantity] of amounts.entries()) {
            // Hours are billed in order, none before the life began.
            const hour = hourOf(life.opened) + at * HOUR;
            const usage = { ...USAGE, ...life, quantity, residue: "0" };
            for (const body of hours.plan(usage, contextOf({ hour, taken })).bodies) {
              expect(slots.has(hours.slotOf(body))).toBe(false);
              slots.add(hours.slotOf(body));
              taken.push({ begin: body.begin, end: body.end });
              expect(body.begin).toBeGreaterThanOrEqual(life.opened);
              expect(body.end).toBeLessThanOrEqual(life.closed);
            }
          }
        },
      ),
    );
  });
});

describe("a slot", () => {
  const body = { begin: H + MINUTE, end: H + HOUR, part: "1r2" };

  test("is the interval, the hour, or the record's own place", () => {
    expect(intervals.slotOf(body)).toBe("20260301T100100Z/20260301T110000Z");
    expect(hours.slotOf(body)).toBe("20260301T100000Z");
    expect(nothing.slotOf(body)).toBe("20260301T100100Z/20260301T110000Z/1");
    expect([attemptOf(body), attemptOf({ part: "0" })]).toEqual([2, 0]);
  });

  test("and its attempt give each record another serial number", () => {
    const id = { account: "a", instance: "i-1", ...body };
    expect(serialNumber(id)).not.toBe(serialNumber({ ...id, part: "1r3" }));
  });

  test("is held by what is there, may be there or may still get there; not by what was surely refused", () => {
    const free = ["rejected_fixable", "rejected_final", "expired", "abnormal", "replaced", "carried"];
    for (const state of RECORD_STATES)
      expect(holdsSlot({ state, mayHaveBeenTaken: false }), state).toBe(!free.includes(state));
    for (const state of ["rejected_fixable", "rejected_final", "expired"] as const)
      expect(holdsSlot({ state, mayHaveBeenTaken: true }), state).toBe(true);
  });
});

describe("filing again where nothing keeps a second record from being billed", () => {
  const ask = (record: Partial<Refiled>, interval?: { begin: number; end: number }) => ({
    records: [{ state: "rejected_fixable", code: null, mayHaveBeenTaken: false, ...record }] as [Refiled],
    ...{ interval, begin: H, life: { opened: H - HOUR }, taken: [] },
    ...{ now: H + 3 * HOUR, notBefore: H - HOUR, duplicateCodes: ["DUP"] },
  });

  test.each([hours, nothing])("only what was surely refused goes again", (placement) => {
    expect(placement.supersede(ask({}))).toBeUndefined();
    expect(placement.supersede(ask({ state: "rejected_final" }))).toBeUndefined();
    for (const state of RECORD_STATES.filter((one) => !one.startsWith("rejected")))
      expect(placement.supersede(ask({ state })), state).toBeDefined();
    expect(placement.supersede(ask({ mayHaveBeenTaken: true }))).toBeDefined();
    expect(placement.supersede(ask({ code: "DUP" }))).toBeDefined();
    const [again] = ask({}).records;
    const behind = {
      ...ask({}),
      records: [again, { ...again, state: "conflict" as const }] as [Refiled, Refiled],
    };
    expect(placement.supersede(behind)).toBeDefined();
  });

  test("where it keeps the slot, what is void or in dispute does as well", () => {
    for (const state of ["abnormal", "conflict", "rejected_final"] as const)
      expect(intervals.supersede(ask({ state })), state).toBeUndefined();
  });

  test("an hour's record stays in its hour", () => {
    const inside = { begin: H + MINUTE, end: H + 2 * MINUTE };
    const outside = { begin: H + HOUR, end: H + HOUR + MINUTE };
    expect(hours.supersede(ask({}, inside))).toBeUndefined();
    expect(hours.supersede(ask({}, outside))).toBe("a record is filed again in its own hour only");
    expect(nothing.supersede(ask({}, outside))).toBeUndefined();
  });
});

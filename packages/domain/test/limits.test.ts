import { describe, expect, test } from "vitest";
import {
  deadlinesOf,
  fitsRecord,
  oldestBegin,
  phaseAt,
  SEAL_RULE,
  type RecordLimits,
  type WindowRule,
} from "../src/billing/limits.js";
import { ACCEPT_PAST_MAX, ACCEPT_WINDOW } from "../src/usage/event.js";
import { DAY, formatInstant, HOUR, MINUTE, parseInstant, SECOND } from "../src/time.js";
import { fc } from "./property.js";

/** KooGallery's rules for China (koogallery.md 2.1). */
const CHINA = {
  hourly: { window: 15 * MINUTE, late: 2 * HOUR },
  daily: { window: 15 * MINUTE, late: HOUR },
  expiry: { from: "begin", after: 21 * DAY },
} as const satisfies WindowRule;
const BEIJING = 8 * HOUR;

describe("deadlines", () => {
  test.each([
    ["hourly", "2026-03-01T10:00:00Z", "2026-03-01T11:15:00Z", "2026-03-01T13:00:00Z"],
    ["hourly", "2026-12-31T23:00:00Z", "2027-01-01T00:15:00Z", "2027-01-01T02:00:00Z"],
    // A Beijing day ends at 16:00 UTC.
    ["daily", "2026-03-01T15:00:00Z", "2026-03-01T16:15:00Z", "2026-03-01T17:00:00Z"],
    ["daily", "2026-03-01T16:00:00Z", "2026-03-02T16:15:00Z", "2026-03-02T17:00:00Z"],
    ["daily", "2026-03-02T02:00:00Z", "2026-03-02T16:15:00Z", "2026-03-02T17:00:00Z"],
  ] as const)("%s, of the hour %s: %s, then %s", (cycle, hour, window, late) => {
    const begin = parseInstant(hour)!;
    const deadlines = deadlinesOf(CHINA, { dayOffset: BEIJING, cycle, hour: begin, begin });
    expect(formatInstant(deadlines.windowEnds)).toBe(window);
    expect(formatInstant(deadlines.lateEnds)).toBe(late);
    expect(deadlines.expires).toBe(begin + 21 * DAY);
  });

  test("a day's hours share one deadline, less than 25 hours away", () => {
    fc.assert(
      fc.property(fc.integer({ min: 400_000, max: 700_000 }), (hours) => {
        const hour = hours * HOUR;
        const { windowEnds } = deadlinesOf(CHINA, { dayOffset: BEIJING, cycle: "daily", hour, begin: hour });
        const toEnd = windowEnds - CHINA.daily.window - hour;
        expect(toEnd).toBeGreaterThanOrEqual(HOUR);
        expect(toEnd).toBeLessThanOrEqual(DAY);
        expect((windowEnds - CHINA.daily.window + BEIJING) % DAY).toBe(0);
      }),
    );
  });
});

describe("what a marketplace takes no more", () => {
  const hour = parseInstant("2026-03-01T08:00:00Z")!;
  const rule = (change: Partial<WindowRule>): WindowRule => ({ ...CHINA, ...change });
  const expiresAt = (change: Partial<WindowRule>, begin: number, closed?: number, dayOffset = 0) =>
    formatInstant(deadlinesOf(rule(change), { dayOffset, cycle: "hourly", hour, begin, closed }).expires);

  test("counts from the begin, or from the end of the cycle however late in it a record begins", () => {
    const after = 24 * HOUR;
    const begin = hour + 40 * MINUTE;
    expect(expiresAt({ expiry: { from: "begin", after } }, begin)).toBe("2026-03-02T08:40:00Z");
    expect(expiresAt({ expiry: { from: "cycle_end", after: HOUR } }, begin)).toBe("2026-03-01T10:00:00Z");
    expect(expiresAt({ expiry: { from: "cycle_end", after: HOUR } }, hour)).toBe("2026-03-01T10:00:00Z");
  });

  test("ends with the marketplace's month and with the instance, and no window outlives it", () => {
    const begin = parseInstant("2026-02-28T23:00:00Z")!;
    expect(expiresAt({ afterMonth: 6 * HOUR }, begin)).toBe("2026-03-01T06:00:00Z");
    // The month of Beijing ends eight hours before.
    expect(expiresAt({ afterMonth: 6 * HOUR }, begin, undefined, BEIJING)).toBe("2026-03-21T23:00:00Z");
    const closed = hour + 10 * MINUTE;
    expect(expiresAt({ afterClose: 55 * MINUTE }, hour, closed)).toBe("2026-03-01T09:05:00Z");
    const { windowEnds, lateEnds, expires } = deadlinesOf(rule({ afterClose: 55 * MINUTE }), {
      ...{ dayOffset: 0, cycle: "hourly", hour, begin: hour, closed },
    });
    expect([windowEnds, lateEnds]).toEqual([expires, expires]);
  });

  test("the oldest begin that it takes is the first whose record has not expired", () => {
    const rules: Partial<WindowRule>[] = [
      {},
      { expiry: { from: "cycle_end", after: HOUR } },
      { expiry: { from: "begin", after: DAY }, afterMonth: 6 * HOUR },
    ];
    const month = parseInstant("2026-03-01T00:00:00Z")!;
    fc.assert(
      fc.property(
        fc.constantFrom(...rules),
        fc.constantFrom(0, BEIJING),
        fc.integer({ min: -40 * 3600, max: 40 * 3600 }),
        (change, dayOffset, at) => {
          const now = month + at * SECOND;
          const oldest = oldestBegin(rule(change), now, { dayOffset });
          const isTaken = (begin: number) => {
            const inHour = Math.floor(begin / HOUR) * HOUR;
            return (
              deadlinesOf(rule(change), { dayOffset, cycle: "hourly", hour: inHour, begin }).expires > now
            );
          };
          expect([isTaken(oldest), isTaken(oldest - SECOND)]).toEqual([true, false]);
        },
      ),
    );
    const closed = { afterClose: HOUR };
    expect(oldestBegin(rule(closed), hour + HOUR, { dayOffset: 0, closed: hour })).toBe(Infinity);
    expect(oldestBegin(rule(closed), hour + HOUR - SECOND, { dayOffset: 0, closed: hour })).toBeLessThan(
      hour,
    );
    expect(oldestBegin(rule(closed), hour + HOUR, { dayOffset: 0, closed: null })).toBeLessThan(hour);
  });
});

test("a quantity fits a record up to the largest, in the marketplace's decimals, and 0 only where it is filed", () => {
  const limits = { quantityDecimals: 0, largestQuantity: "2147483647", filesZero: true } as RecordLimits;
  const fits = ["0", "1", "2147483647"].map((text) => fitsRecord(text, limits));
  expect(fits).toEqual([true, true, true]);
  expect(["2147483648", "0.5", "-1", "x", ""].map((text) => fitsRecord(text, limits))).toEqual(
    Array(5).fill(false),
  );
  expect(fitsRecord("0", { ...limits, filesZero: false })).toBe(false);
});

test("phases follow one another without a gap", () => {
  const hour = parseInstant("2026-03-01T10:00:00Z")!;
  const deadlines = deadlinesOf(CHINA, { dayOffset: BEIJING, cycle: "hourly", hour, begin: hour });
  const phase = (at: number): string => phaseAt(deadlines, hour, at);
  const turns = [
    [hour, "open"],
    [hour + HOUR, "window"],
    [deadlines.windowEnds, "late"],
    [deadlines.lateEnds, "overdue"],
    [deadlines.expires, "expired"],
  ] as const;
  for (const [index, [at, name]] of turns.entries()) {
    expect(phase(at)).toBe(name);
    if (index > 0) expect(phase(at - 1)).toBe(turns[index - 1]![1]);
  }
  expect(phase(deadlines.expires + 1000 * DAY)).toBe("expired");
});

test("rules that hang together: sealing ends before the window, acceptance before the retention", () => {
  expect(SEAL_RULE.grace).toBeLessThan(SEAL_RULE.latest);
  expect(SEAL_RULE.latest).toBeLessThan(CHINA.hourly.window);
  expect(ACCEPT_WINDOW.past).toBeLessThanOrEqual(ACCEPT_PAST_MAX);
});

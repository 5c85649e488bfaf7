import { describe, expect, test } from "vitest";
import { deadlinesOf, phaseAt, SEAL_RULE, type WindowRule } from "../src/billing/limits.js";
import { ACCEPT_PAST_MAX, ACCEPT_WINDOW } from "../src/usage/event.js";
import { DAY, formatInstant, HOUR, MINUTE, parseInstant } from "../src/time.js";
import { fc } from "./property.js";

/** KooGallery's rules for China (koogallery.md 2.1). */
const CHINA: WindowRule = {
  dayOffset: 8 * HOUR,
  hourly: { window: 15 * MINUTE, late: 2 * HOUR },
  daily: { window: 15 * MINUTE, late: HOUR },
  expiry: 21 * DAY,
};

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
    const deadlines = deadlinesOf(CHINA, cycle, begin, begin);
    expect(formatInstant(deadlines.windowEnds)).toBe(window);
    expect(formatInstant(deadlines.lateEnds)).toBe(late);
    expect(deadlines.expires).toBe(begin + 21 * DAY);
  });

  test("a day's hours share one deadline, less than 25 hours away", () => {
    fc.assert(
      fc.property(fc.integer({ min: 400_000, max: 700_000 }), (hours) => {
        const hour = hours * HOUR;
        const { windowEnds } = deadlinesOf(CHINA, "daily", hour, hour);
        const toEnd = windowEnds - CHINA.daily.window - hour;
        expect(toEnd).toBeGreaterThanOrEqual(HOUR);
        expect(toEnd).toBeLessThanOrEqual(DAY);
        expect((windowEnds - CHINA.daily.window + CHINA.dayOffset) % DAY).toBe(0);
      }),
    );
  });
});

test("phases follow one another without a gap", () => {
  const hour = parseInstant("2026-03-01T10:00:00Z")!;
  const deadlines = deadlinesOf(CHINA, "hourly", hour, hour);
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

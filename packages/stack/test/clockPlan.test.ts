import { HOUR, MINUTE, parseInstant, SECOND, type Micros } from "@quarterpast/domain";
import { describe, expect, it } from "vitest";
import type { StackError } from "../src/errors.js";
import { planClock, SAMPLE_RATE, type ClockWish, type KeptClock } from "../src/up/clockPlan.js";

const at = (text: string): Micros => parseInstant(text)!;
const now = at("2026-03-01T12:20:00Z");
const wish = (some: Partial<ClockWish> = {}): ClockWish => ({
  start: undefined,
  rate: undefined,
  sample: false,
  ...some,
});

/** A clock that ran from 00:00 at 60 times real time, anchored a minute ago, so it is 01:00 now. */
const simulated = (some: Partial<KeptClock> = {}): KeptClock => ({
  realAnchor: now - MINUTE,
  productAnchor: at("2025-01-01T00:00:00Z"),
  rate: 60,
  serverNow: now,
  beatProduct: at("2025-01-01T00:59:00Z"),
  isSettledAt: () => true,
  ...some,
});
const real = (beatProduct: Micros): KeptClock =>
  simulated({ realAnchor: now - HOUR, productAnchor: now - HOUR, rate: 1, beatProduct });

function refusalOf(act: () => unknown): StackError {
  try {
    act();
  } catch (error) {
    return error as StackError;
  }
  throw new Error("it was not refused");
}

describe("a new data directory", () => {
  it("runs in real time by default", () => {
    expect(planClock(undefined, wish(), now)).toEqual({ kind: "real" });
  });

  it("starts where and runs as requested", () => {
    const start = at("2023-11-16T18:15:00Z");
    expect(planClock(undefined, wish({ start, rate: 120 }), now)).toEqual({
      kind: "simulated",
      start,
      rate: 120,
    });
    expect(planClock(undefined, wish({ start }), now)).toEqual({ kind: "simulated", start, rate: 1 });
    expect(planClock(undefined, wish({ rate: 2 }), now)).toEqual({ kind: "simulated", start: now, rate: 2 });
  });

  it("gives a sample ten minutes before its first full hour", () => {
    const start = at("2026-03-01T11:50:00Z");
    expect(planClock(undefined, wish({ sample: true }), now)).toEqual({
      kind: "simulated",
      start,
      rate: SAMPLE_RATE,
    });
  });
});

describe("a data directory with a simulated clock", () => {
  it("goes on where its line is, at its own rate or another", () => {
    const start = at("2025-01-01T01:00:00Z");
    expect(planClock(simulated(), wish(), now)).toEqual({ kind: "simulated", start, rate: 60 });
    expect(planClock(simulated(), wish({ rate: 5 }), now)).toEqual({ kind: "simulated", start, rate: 5 });
  });

  it("counts time away for no more than 5 s after the last beat", () => {
    const beatProduct = at("2025-01-01T00:10:00Z");
    const start = beatProduct + 5 * SECOND * 60;
    expect(planClock(simulated({ beatProduct }), wish(), now)).toMatchObject({ start });
  });

  it("never goes behind its beat", () => {
    const beatProduct = at("2025-01-01T02:00:00Z");
    expect(planClock(simulated({ beatProduct }), wish(), now)).toMatchObject({ start: beatProduct });
  });

  it("goes on where it was held", () => {
    const held = simulated({ realAnchor: now + 24 * HOUR, beatProduct: at("2025-01-01T00:00:00Z") });
    expect(planClock(held, wish(), now)).toMatchObject({ start: held.productAnchor });
  });

  it("refuses an earlier start and names both times, takes a later one", () => {
    const refused = refusalOf(() => planClock(simulated(), wish({ start: at("2025-01-01T00:59:59Z") }), now));
    expect(refused).toMatchObject({ code: "usage" });
    expect(refused.message).toContain("2025-01-01T00:59:59Z");
    expect(refused.message).toContain("2025-01-01T01:00:00Z");
    const start = at("2025-01-02T00:00:00Z");
    expect(planClock(simulated(), wish({ start }), now)).toMatchObject({ start });
  });

  it("brings a sample near its next full hour only where nothing is owed", () => {
    const soon = at("2025-01-01T01:50:00Z");
    const late = at("2025-01-01T01:55:00Z");
    expect(planClock(simulated(), wish({ sample: true }), now)).toMatchObject({ start: soon });
    expect(planClock(simulated({ beatProduct: late }), wish({ sample: true }), now)).toMatchObject({
      start: late,
    });
    const owing = simulated({ isSettledAt: () => false });
    expect(planClock(owing, wish({ sample: true }), now)).toMatchObject({
      start: at("2025-01-01T01:00:00Z"),
    });
  });
});

describe("a data directory that runs in real time", () => {
  it("goes on so", () => {
    expect(planClock(real(now - MINUTE), wish(), now)).toEqual({ kind: "real" });
  });

  it.each([
    ["a clock of another kind", wish({ start: now + HOUR }), now - MINUTE],
    ["a rate", wish({ rate: 2 }), now - MINUTE],
    ["a sample", wish({ sample: true }), now - MINUTE],
    ["a machine's clock behind the point reached", wish(), now + MINUTE],
  ])("refuses %s", (_, asked, beat) => {
    expect(refusalOf(() => planClock(real(beat), asked, now))).toMatchObject({ code: "usage" });
  });
});

import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffMs } from "../src/backoff.js";
import { noAnswer, within } from "../src/deadline.js";

describe("a deadline", () => {
  it("gives what the work comes to in time, its error too", async () => {
    expect(await within(1_000, Promise.resolve(1), () => 2)).toBe(1);
    await expect(within(1_000, Promise.reject(new Error("no")), () => 2)).rejects.toThrow("no");
  });

  it("gives what is said of the late, or throws it, and hears no later rejection", async () => {
    const late = delay(50).then(() => Promise.reject(new Error("nobody hears")));
    expect(await within(5, late, () => 2)).toBe(2);
    await expect(within(5, delay(50), noAnswer(5, "Redis: "))).rejects.toThrow(
      "Redis: no answer within 5 ms",
    );
    await delay(80);
  });

  it("leaves no timer behind that would keep the process", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    await within(60_000, Promise.resolve(1), () => 2);
    expect(timers()).toBe(before);
  });
});

describe("a backoff", () => {
  it("begins with the first wait, doubles and ends at its cap", () => {
    const waits = [1, 2, 3, 4, 5, 60].map((failures) => backoffMs({ firstMs: 100, capMs: 1_000 }, failures));
    expect(waits).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  it("draws its upper half", () => {
    const failures = fc.integer({ min: 1, max: 1_000 });
    fc.assert(
      fc.property(failures, fc.double({ min: 0, max: 1, noNaN: true }), (count, random) => {
        const whole = backoffMs({ firstMs: 10, capMs: 60_000 }, count);
        const drawn = backoffMs({ firstMs: 10, capMs: 60_000 }, count, random);
        expect(drawn).toBeGreaterThanOrEqual(whole / 2);
        expect(drawn).toBeLessThanOrEqual(whole);
      }),
    );
  });
});

import { expect, test } from "vitest";
import { FEWEST_PAIRS, ratioOf } from "../../scripts/ratio.mjs";

const pairs = (...ratios: number[]) => ratios.map((ratio) => ({ old: 50_000, new: 50_000 * ratio }));

test("the ratio of pairs is their geometric mean, its interval that of Student's t", () => {
  const same = ratioOf(pairs(1, 1, 1, 1, 1, 1, 1));
  expect(same).toEqual({ ratio: 1, low: 1, high: 1 });
  // ln 2 up and down: mean 0, deviation 0.7487 with 7 degrees of freedom, half width 2.365 · 0.7410 / √8.
  const wide = ratioOf(pairs(2, 0.5, 2, 0.5, 2, 0.5, 2, 0.5));
  expect(wide.ratio).toBeCloseTo(1, 9);
  expect(Math.log(wide.high)).toBeCloseTo((2.365 * Math.LN2 * Math.sqrt(8 / 7)) / Math.sqrt(8), 9);
  expect(wide.low).toBeCloseTo(1 / wide.high, 9);
});

test("a loss of a tenth that is steady lies below the bar, one within the noise does not", () => {
  expect(ratioOf(pairs(0.9, 0.91, 0.89, 0.9, 0.9, 0.91, 0.89)).high).toBeLessThan(0.97);
  expect(ratioOf(pairs(0.8, 1.1, 0.85, 1.05, 0.95, 1.0, 0.85)).high).toBeGreaterThan(0.97);
});

test("fewer than seven pairs say nothing", () => {
  expect(FEWEST_PAIRS).toBe(7);
  expect(() => ratioOf(pairs(1, 1, 1, 1, 1, 1))).toThrow(/6 pairs/);
});

import { expect, it } from "vitest";
import { fixedClock, systemClock } from "../src/clock.js";

it("the system's clock is real time", async () => {
  const clock = systemClock();
  expect(Math.abs(clock.now() - Date.now() * 1000)).toBeLessThan(1_000_000);
  const due = clock.now() + 30_000;
  expect(await clock.sleepUntilProduct(due)).toBe(true);
  expect(clock.now()).toBeGreaterThanOrEqual(due);
});

it("a sleep ends with its signal", async () => {
  const clock = systemClock();
  expect(await clock.sleepReal(60_000, AbortSignal.timeout(10))).toBe(false);
  expect(await clock.sleepReal(60_000, AbortSignal.abort())).toBe(false);
  expect(await clock.sleepUntilProduct(clock.now() + 9e15, AbortSignal.timeout(10))).toBe(false);
});

it("a fixed clock moves on request, and sleeps end then", async () => {
  const clock = fixedClock(1_000, 50);
  const woken: string[] = [];
  const product = clock.sleepUntilProduct(2_000).then((came) => woken.push(`product ${came}`));
  const real = clock.sleepReal(5).then((came) => woken.push(`real ${came}`));
  clock.set(1_999);
  await Promise.resolve();
  expect([clock.now(), clock.real(), woken]).toEqual([1_999, 50, []]);
  clock.advance(1);
  await product;
  expect(woken).toEqual(["product true"]);
  clock.advance(5_000);
  await real;
  expect([clock.now(), clock.real()]).toEqual([7_000, 5_051]);
  expect(await clock.sleepUntilProduct(1e15, AbortSignal.timeout(5))).toBe(false);
});

import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, it } from "vitest";
import { createLoop, type Loop } from "../src/loop.js";
import { memoryLog } from "./helpers/memoryLog.js";

let loop: Loop;
afterEach(() => loop.stop());

function start(
  run: (signal: AbortSignal) => Promise<boolean | void>,
  everyMs: number,
  onProgress?: () => void,
) {
  const log = memoryLog();
  loop = createLoop({ name: "test", everyMs, run, logger: log.logger, onProgress });
  loop.start();
  return log;
}

it("runs again and again without overlap", async () => {
  let [passes, inside, worst, progress] = [0, 0, 0, 0];
  start(
    async () => {
      inside += 1;
      worst = Math.max(worst, inside);
      await delay(3);
      loop.wake();
      inside -= 1;
      passes += 1;
    },
    1,
    () => (progress += 1),
  );
  await delay(100);
  await loop.stop();
  expect(passes).toBeGreaterThan(5);
  expect([worst, progress]).toEqual([1, passes]);
});

it("runs at once when woken, also when woken during a pass", async () => {
  let passes = 0;
  start(async () => {
    passes += 1;
    await delay(10);
  }, 60_000);
  await delay(30);
  expect(passes).toBe(1);
  loop.wake();
  await delay(2);
  expect(passes).toBe(2);
  loop.wake();
  await delay(40);
  expect(passes).toBe(3);
});

it("runs on while more work waits, and leaves others their turn", async () => {
  let left = 1_000;
  let isTimerServed = false;
  setTimeout(() => (isTimerServed = left > 0), 0);
  start(async () => --left > 0, 60_000);
  await delay(60);
  expect([left, isTimerServed]).toEqual([0, true]);
});

it("outlives errors, with pauses up to 1 s, and tells how long it has not got on", async () => {
  const at: number[] = [];
  let isBroken = true;
  const log = start(async () => {
    at.push(performance.now());
    if (isBroken) throw new Error("no database");
  }, 60_000);
  const storm = setInterval(() => loop.wake(), 1);
  await delay(250);
  clearInterval(storm);
  expect(at.length).toBe(3);
  expect(at[2]! - at[1]!).toBeGreaterThan(90);
  expect(loop.msSinceSuccess()).toBeGreaterThan(200);
  expect(loop.lastError()).toBeInstanceOf(Error);
  isBroken = false;
  await delay(200);
  expect(loop.msSinceSuccess()).toBeLessThan(200);
  expect(loop.lastError()).toBeUndefined();
  expect(log.lines()).toHaveLength(3);
});

it("stops after the running pass, which hears of it", async () => {
  let isDone = false;
  let heard = false;
  start(async (signal) => {
    await delay(30);
    heard = signal.aborted;
    isDone = true;
  }, 1);
  await delay(5);
  await loop.stop();
  expect([isDone, heard]).toEqual([true, true]);
});

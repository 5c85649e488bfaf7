import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, it, vi } from "vitest";
import { createLoop, type Loop } from "../src/loop.js";
import { memoryLog } from "./helpers/memoryLog.js";

let loop: Loop;
afterEach(() => loop.stop());

function start(
  run: (signal: AbortSignal) => Promise<boolean | void>,
  everyMs: number,
  onProgress?: () => void,
  idleMs?: () => number,
) {
  const log = memoryLog();
  loop = createLoop({ name: "test", everyMs, run, logger: log.logger, onProgress, idleMs });
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
  await vi.waitFor(() => expect(passes).toBeGreaterThan(5), 5_000);
  await loop.stop();
  expect([worst, progress]).toEqual([1, passes]);
});

it("runs at once when woken, also when woken during a pass", async () => {
  let passes = 0;
  let release = () => {};
  start(async () => {
    passes += 1;
    if (passes === 2) await new Promise<void>((resolve) => (release = resolve));
  }, 60_000);
  await vi.waitFor(() => expect(passes).toBe(1), 5_000);
  await delay(10);
  loop.wake();
  await vi.waitFor(() => expect(passes).toBe(2), 5_000);
  loop.wake();
  await delay(10);
  expect(passes).toBe(2);
  release();
  await vi.waitFor(() => expect(passes).toBe(3), 5_000);
});

it("runs on while more work waits, and leaves others their turn", async () => {
  let left = 1_000;
  let isTimerServed = false;
  setTimeout(() => (isTimerServed = left > 0), 0);
  start(async () => --left > 0, 60_000);
  await vi.waitFor(() => expect(left).toBe(0), 5_000);
  expect(isTimerServed).toBe(true);
});

it("outlives errors, with pauses up to 1 s, and reports how long it has made no progress", async () => {
  const at: number[] = [];
  let isBroken = true;
  const log = start(async () => {
    at.push(performance.now());
    if (isBroken) throw new Error("no database");
  }, 60_000);
  const storm = setInterval(() => loop.wake(), 1);
  await vi.waitFor(() => expect(at.length).toBe(3), 5_000);
  clearInterval(storm);
  expect(at[1]! - at[0]!).toBeGreaterThan(45);
  expect(at[2]! - at[1]!).toBeGreaterThan(90);
  expect(loop.msSinceSuccess()).toBeGreaterThan(135);
  expect(loop.lastError()).toBeInstanceOf(Error);
  isBroken = false;
  await vi.waitFor(() => expect(loop.lastError()).toBeUndefined(), 5_000);
  expect(log.lines().length).toBeGreaterThanOrEqual(3);
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

it("with nothing to do rests longer and longer, at most so long; work that arises wakes it", async () => {
  const at: number[] = [];
  start(
    async () => void at.push(performance.now()),
    20,
    undefined,
    () => 160,
  );
  await vi.waitFor(() => expect(at.length).toBeGreaterThan(6), 5_000);
  const rests = at.slice(1).map((time, pass) => time - at[pass]!);
  for (const [pass, least] of [20, 40, 80, 160, 160].entries())
    expect(rests[pass], `rest ${pass}`).toBeGreaterThan(least - 5);
  const woken = performance.now();
  const seen = at.length;
  loop.wake();
  await vi.waitFor(() => expect(at.length).toBeGreaterThan(seen + 1), { timeout: 5_000, interval: 1 });
  expect(at[seen]! - woken, "at once").toBeLessThan(100);
  expect(at[seen + 1]! - at[seen]!, "and then soon").toBeLessThan(150);
});

import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { createWatchdog, EXIT_STALLED } from "../src/watchdog.js";
import { memoryLog } from "./helpers/memoryLog.js";

function watch(isWorkWaiting: () => Promise<boolean>) {
  const codes: number[] = [];
  const watchdog = createWatchdog({
    name: "test",
    isWorkWaiting,
    stalledAfterMs: 120,
    everyMs: 10,
    logger: memoryLog().logger,
    exit: (code) => codes.push(code),
  });
  onTestFinished(() => watchdog.stop());
  return { watchdog, codes };
}

test("work that waits without progress ends the process with 70", async () => {
  const { codes } = watch(async () => true);
  await sleep(300);
  expect(codes[0]).toBe(EXIT_STALLED);
});

test("progress, no work, and not knowing each keep it alive", async () => {
  const busy = watch(async () => true);
  const idle = watch(async () => false);
  const timer = setInterval(() => busy.watchdog.progressed(), 20);
  onTestFinished(() => clearInterval(timer));
  const blind = watch(async () => {
    throw new Error("away");
  });
  await sleep(300);
  expect([busy.codes, idle.codes, blind.codes]).toEqual([[], [], []]);
});

import { PassThrough } from "node:stream";
import { formatInstant, parseInstant, SECOND } from "@quarterpast/domain";
import { expect, it } from "vitest";
import { hostLag, productTime } from "../src/import/followClock.js";
import { importFile } from "../src/import/importFile.js";
import { startStack, TOKENS } from "./importStack.js";

const START = parseInstant("2023-11-16T18:15:00Z")!;
const RATE = 120;

it(
  "sends each row when a fast clock reaches its time, in batches of a tick",
  { timeout: 20_000 },
  async () => {
    const atMs = Date.now() + 200;
    const stack = await startStack({ startMicros: START, atMs, rate: RATE });
    // 240 seconds of product time, two of real time; the first row is in the past, none may reach the collector
    // early.
    const rows = Array.from(
      { length: 480 },
      (_, at) => `${formatInstant(START + (at - 1) * (SECOND / 2))},1,1`,
    );
    const file = await stack.write(
      "usage.csv",
      ["TIMESTAMP,ContextTokens,GeneratedTokens", ...rows].join("\n"),
    );
    const stderr = new PassThrough() as unknown as NodeJS.WriteStream;
    const options = { ...TOKENS, dataDir: stack.dataDir, followClock: true };
    const tally = await importFile(file, options, stderr, new AbortController());
    await stack.stop();

    expect(tally).toMatchObject({ rows: 480, accepted: 960, rejected: 0 });
    expect(stack.batches.length).toBeGreaterThan(5);
    expect(stack.batches.length).toBeLessThan(40);
    for (const { at, events } of stack.batches) {
      const now = START + Math.max(0, at - atMs) * 1000 * RATE;
      // The clock is given in whole milliseconds of real time, so an event may be early by a few of them, times the
      // rate.
      const latest = Math.max(...events.map(({ time }) => parseInstant(time)!));
      expect(latest).toBeLessThanOrEqual(now + 5_000 * RATE);
    }
    const last = stack.batches.at(-1)!;
    expect(last.at - atMs).toBeGreaterThan(1_900);
    expect(last.at - atMs).toBeLessThan(4_000);
  },
);

it("ends at once when it is interrupted while it waits", async () => {
  const stack = await startStack({ startMicros: START, atMs: Date.now(), rate: 1 });
  const file = await stack.write(
    "usage.csv",
    "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 23:00:00,1,1",
  );
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 300);
  const stderr = new PassThrough() as unknown as NodeJS.WriteStream;
  const options = { ...TOKENS, dataDir: stack.dataDir, followClock: true };
  const ended = importFile(file, options, stderr, stop);
  await expect(ended).rejects.toMatchObject({ exitCode: 130 });
  expect(stack.batches).toEqual([]);
  await stack.stop();
});

it("computes product time from the api's clock, and the host's lag behind it", () => {
  const clock = { start: formatInstant(START), at: "2026-01-01T00:00:00Z", rate: RATE };
  const at = parseInstant(clock.at)!;
  expect(productTime(clock, at - SECOND)).toBe(START);
  expect(productTime(clock, at + SECOND)).toBe(START + RATE * SECOND);
  expect(hostLag({ ...clock, now: formatInstant(START + RATE * SECOND) }, at)).toBe(SECOND);
  expect(hostLag({ ...clock, now: formatInstant(START) }, at)).toBe(0);
  expect(hostLag(clock, at)).toBe(0);
});

import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProductClock, type ClockAnchor, type ProductClock } from "../src/productClock.js";
import { memoryLog } from "./helpers/memoryLog.js";

const SERVER = 1_700_000_000_000_000;
const PRODUCT = 1_600_000_000_000_000;

let host: number;
let anchor: ClockAnchor;
let serverOffset: number;
/** Microseconds of a reading's way to the server and back. */
let trip: [number, number];
let isDown: boolean;
let reads: number;
let clock: ProductClock;
let log: ReturnType<typeof memoryLog>;

beforeEach(() => {
  host = 5_000_000;
  serverOffset = SERVER - host;
  anchor = { realAnchor: SERVER, productAnchor: PRODUCT, rate: 120, serverNow: 0 };
  trip = [0, 0];
  isDown = false;
  reads = 0;
  log = memoryLog();
  clock = createProductClock({
    refreshMs: 5,
    logger: log.logger,
    monotonic: () => host,
    readAnchor: async () => {
      reads += 1;
      if (isDown) throw new Error("connection refused");
      host += trip[0];
      const serverNow = host + serverOffset;
      host += trip[1];
      return { ...anchor, serverNow };
    },
  });
});
afterEach(() => clock.stop());

async function nextReads(count = 2): Promise<void> {
  const goal = reads + count;
  while (reads < goal) await delay(1);
  await delay(0);
}

describe("the product's clock", () => {
  it("says how fast it runs: not at all before its anchor", async () => {
    anchor.realAnchor = SERVER + 1_000_000;
    await clock.start();
    expect(clock.rate()).toBe(0);
    host += 1_000_000;
    expect(clock.rate()).toBe(120);
  });

  it("is read seldom where it runs by real time", async () => {
    anchor.rate = 1;
    await clock.start();
    await delay(100);
    expect(reads).toBe(1);
  });

  it("refuses to be read before it was started", () => {
    expect(() => clock.now()).toThrow(/before it was started/);
  });

  it("runs at its rate from its anchor, by the server's time", async () => {
    await clock.start();
    expect([clock.now(), clock.real()]).toEqual([PRODUCT, SERVER]);
    host += 1_000_000;
    expect([clock.now(), clock.real()]).toEqual([PRODUCT + 120_000_000, SERVER + 1_000_000]);
  });

  it("starts when the database comes, not before", async () => {
    isDown = true;
    let isStarted = false;
    const started = clock.start().then(() => (isStarted = true));
    await nextReads();
    expect(isStarted).toBe(false);
    isDown = false;
    await started;
    expect(clock.now()).toBe(PRODUCT);
  });

  it("gives up the start when it is stopped", async () => {
    isDown = true;
    const started = clock.start();
    clock.stop();
    await expect(started).rejects.toThrow(/stopped/);
  });

  it("takes the middle of the round trip for the server's time", async () => {
    trip = [40_000, 40_000];
    await clock.start();
    expect(clock.real()).toBe(host + serverOffset);
  });

  it("keeps the better offset when a later reading is slow to one side", async () => {
    await clock.start();
    trip = [0, 30_000];
    await nextReads();
    expect(clock.real()).toBe(host + serverOffset);
  });

  it("follows a step of the server's clock, and product time does not go back", async () => {
    await clock.start();
    host += 2_000_000;
    const before = clock.now();
    serverOffset -= 1_000_000;
    await nextReads();
    expect(clock.real()).toBe(host + serverOffset);
    expect(clock.now()).toBe(before);
    host += 1_500_000;
    expect(clock.now()).toBe(PRODUCT + 120 * 2_500_000);
  });

  it("is held by rate 0 and by an anchor in the future", async () => {
    anchor.rate = 0;
    await clock.start();
    host += 10_000_000;
    expect(clock.now()).toBe(PRODUCT);
    anchor = { ...anchor, rate: 1, realAnchor: host + serverOffset + 1_000_000 };
    await nextReads();
    expect(clock.now()).toBe(PRODUCT);
    host += 1_000_500;
    expect(clock.now()).toBe(PRODUCT + 500);
  });

  it("goes on while the database is away, and says so once", async () => {
    await clock.start();
    isDown = true;
    await nextReads(4);
    host += 1_000_000;
    expect(clock.now()).toBe(PRODUCT + 120_000_000);
    isDown = false;
    await nextReads();
    expect(log.lines().map((line) => line.level)).toEqual(["warn", "info"]);
  });

  it("wakes a sleeper when the anchor is moved past its time", async () => {
    anchor.rate = 0;
    await clock.start();
    let came: boolean | undefined;
    const sleep = clock.sleepUntilProduct(PRODUCT + 1).then((value) => (came = value));
    await nextReads();
    expect(came).toBeUndefined();
    anchor.productAnchor += 10;
    expect(await sleep).toBe(true);
    expect(await clock.sleepUntilProduct(PRODUCT * 2, AbortSignal.timeout(5))).toBe(false);
  });
});

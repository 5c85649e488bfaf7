import { startRedis } from "@quarterpast/stack/servers";
import { createTestRedisPrefix, testServers } from "@quarterpast/testkit";
import { startTestRedis, type TestRedis } from "@quarterpast/testkit/servers";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { afterEach, describe, expect, test, vi } from "vitest";
import { encodeBatch, type UsageJob } from "../src/batch.js";
import { createConsumer, type ConsumerOptions } from "../src/consumer.js";
import { checkDurability } from "../src/durability.js";
import { createProducer, type Producer, type ProducerOptions } from "../src/producer.js";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const batchOf = (seq: number): UsageJob => encodeBatch({ collectorNo: 7, seq, received: 0, events: [] });

async function produce(options: ProducerOptions): Promise<Producer> {
  const producer = createProducer(options);
  undo.push(() => producer.close());
  return producer;
}
const ready = (producer: Producer, withinMs = 5_000) =>
  vi.waitFor(() => expect(producer.state()).toEqual({ ok: true }), { timeout: withinMs, interval: 20 });

function consume(options: Partial<ConsumerOptions> & Pick<ConsumerOptions, "redisUrl" | "prefix">): number[] {
  const done: number[] = [];
  const consumer = createConsumer({
    concurrency: 1,
    process: async ({ seq }) => void done.push(seq),
    onError: () => {},
    ...options,
  });
  undo.push(() => consumer.close());
  return done;
}

async function ownRedis(config?: Record<string, string>): Promise<TestRedis> {
  const redis = await startTestRedis(config ? { config } : {});
  undo.push(() => redis.stop());
  return redis;
}

async function openRedis(url: string): Promise<Redis> {
  const redis = new Redis(url);
  undo.push(() => redis.disconnect());
  return redis;
}

/** Jobs that BullMQ gave up on: there must never be any. */
async function failedJobs(url: string, prefix: string): Promise<number> {
  return (await openRedis(url)).zcard(`${prefix}:usage:failed`);
}

test("what is added is processed once, in the order of its numbers", async () => {
  const [redisUrl, prefix] = [testServers().redisUrl, createTestRedisPrefix()];
  const producer = await produce({ redisUrl, prefix });
  await ready(producer);
  for (let seq = 1; seq <= 20; seq += 1) await producer.add(batchOf(seq));
  await producer.add(batchOf(20));
  const done = consume({ redisUrl, prefix });
  await vi.waitFor(() => expect(done).toHaveLength(20), { timeout: 5_000 });
  expect(done).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
});

test("a batch that fails is tried again until it succeeds; nothing is ever given up", async () => {
  const [redisUrl, prefix] = [testServers().redisUrl, createTestRedisPrefix()];
  const producer = await produce({ redisUrl, prefix });
  await ready(producer);
  await producer.add(batchOf(1));
  let tries = 0;
  consume({
    redisUrl,
    prefix,
    process: async () => {
      if ((tries += 1) < 4) throw new Error("Postgres is away");
    },
  });
  await vi.waitFor(() => expect(tries).toBe(4), { timeout: 10_000 });
  expect(await failedJobs(redisUrl, prefix)).toBe(0);
});

test("a batch that no version here can read is kept, and processed by one that can", async () => {
  const [redisUrl, prefix] = [testServers().redisUrl, createTestRedisPrefix()];
  const producer = await produce({ redisUrl, prefix });
  await ready(producer);
  await producer.add({ ...batchOf(1), v: 99 as 3 });
  await producer.add(batchOf(2));
  const errors: string[] = [];
  const done = consume({ redisUrl, prefix, onError: ({ message }) => void errors.push(message) });
  // It is retried again and again, and does not block other jobs.
  await vi.waitFor(() => expect(errors.length).toBeGreaterThan(2), { timeout: 10_000 });
  expect(done).toEqual([2]);
  expect(errors[0]).toMatch(/collector 7, entry 1: not a usage batch/);
  expect(await failedJobs(redisUrl, prefix)).toBe(0);

  const redis = await openRedis(redisUrl);
  const jobs = await redis.keys(`${prefix}:usage:7-*`);
  expect(jobs).toHaveLength(1);
  await redis.hset(jobs[0]!, "data", JSON.stringify(batchOf(1)));
  await vi.waitFor(() => expect(done).toEqual([2, 1]), { timeout: 10_000 });
});

describe("a Redis that may lose what it took", () => {
  test("is reported setting by setting, and nothing may rely on it", async () => {
    const redis = await ownRedis({ appendfsync: "everysec", "maxmemory-policy": "allkeys-lru" });
    expect(await checkDurability(await openRedis(redis.url))).toEqual([
      { setting: "appendfsync", value: "everysec", right: "always" },
      { setting: "maxmemory-policy", value: "allkeys-lru", right: "noeviction" },
    ]);
    const producer = await produce({ redisUrl: redis.url });
    await vi.waitFor(() => expect(producer.state()).toMatchObject({ ok: false, reason: "volatile" }), {
      timeout: 5_000,
    });
    await ready(await produce({ redisUrl: redis.url, allowVolatile: true }));
  });

  test("is noticed while running, and trusted again when it is set right", async () => {
    const redis = await ownRedis();
    const producer = await produce({ redisUrl: redis.url });
    await ready(producer);
    const admin = await openRedis(redis.url);
    await admin.config("SET", "appendfsync", "no");
    await vi.waitFor(() => expect(producer.state()).toMatchObject({ reason: "volatile" }), {
      timeout: 2_000,
    });
    await admin.config("SET", "appendfsync", "always");
    await ready(producer, 2_000);
  });

  test("set wrong between two checks, it acknowledges nothing", async () => {
    const redis = await ownRedis();
    const producer = await produce({ redisUrl: redis.url });
    await ready(producer);
    const admin = await openRedis(redis.url);
    await admin.config("SET", "appendfsync", "everysec");
    await expect(producer.add(batchOf(1))).rejects.toThrow(/appendfsync is everysec/);
    expect(producer.state()).toMatchObject({ reason: "volatile" });
  });

  test("without an append-only file is volatile", async () => {
    const redis = await ownRedis({ appendonly: "no" });
    const problems = await checkDurability(await openRedis(redis.url));
    expect(problems.map(({ setting }) => setting)).toContain("appendonly");
  });
});

describe("while Redis is away", () => {
  test("an add fails within 2 s, and never before it was ever there", async () => {
    const redis = await ownRedis();
    const producer = await produce({ redisUrl: redis.url });
    await expect(producer.add(batchOf(1))).rejects.toThrow();
    await ready(producer);
    await redis.kill();
    for (const seq of [2, 3]) {
      const began = performance.now();
      await expect(producer.add(batchOf(seq))).rejects.toThrow();
      expect(performance.now() - began).toBeLessThan(2_000);
      expect(producer.state()).toEqual({ ok: false, reason: "unreachable" });
    }
  });

  test("one that hangs is not waited for longer than 2 s", async () => {
    const redis = await ownRedis();
    const producer = await produce({ redisUrl: redis.url });
    await ready(producer);
    process.kill(redis.pid, "SIGSTOP");
    undo.push(() => process.kill(redis.pid, "SIGCONT"));
    const began = performance.now();
    await expect(producer.add(batchOf(1))).rejects.toThrow(/had no answer within/);
    expect(performance.now() - began).toBeLessThan(2_000);
    await vi.waitFor(() => expect(producer.state().ok).toBe(false), { timeout: 3_000 });
  });

  test.each([3, 7])(
    "for %d s, producer and worker go on within 5 s of its return, with what was acknowledged",
    async (seconds) => {
      const redis = await ownRedis();
      const prefix = createTestRedisPrefix();
      const port = Number(new URL(redis.url).port);
      const producer = await produce({ redisUrl: redis.url, prefix });
      await ready(producer);
      // Added while no worker runs: it has to survive the SIGKILL on disk.
      await producer.add(batchOf(1));
      const done = consume({
        redisUrl: redis.url,
        prefix,
        process: async ({ seq }) => void (await sleep(50), done.push(seq)),
      });
      await vi.waitFor(() => expect(done).toEqual([1]), { timeout: 5_000 });
      await producer.add(batchOf(2));
      await redis.kill();
      await sleep(seconds * 1_000);
      const again = await startRedis({ dataDir: redis.dataDir, port });
      // After the worker, before the folder is removed: a worker does not close while its Redis is unreachable.
      undo.splice(1, 0, () => again.stop());
      const returned = performance.now();
      await ready(producer);
      await producer.add(batchOf(3));
      await vi.waitFor(() => expect(done).toContain(3), { timeout: 5_000 });
      expect(performance.now() - returned).toBeLessThan(5_000);
      // A job that was being handed out when Redis died stays locked for 10 s; then it stalls and runs again.
      await vi.waitFor(() => expect(done).toContain(2), { timeout: 15_000 });
      expect(await failedJobs(redis.url, prefix)).toBe(0);
    },
    40_000,
  );
});

test("a killed worker's batch is taken up again by another, however often that happens", async () => {
  const [redisUrl, prefix] = [testServers().redisUrl, createTestRedisPrefix()];
  const producer = await produce({ redisUrl, prefix });
  await ready(producer);
  await producer.add(batchOf(1));
  for (let kills = 0; kills < 2; kills += 1) {
    const worker = await startStuckWorker(redisUrl, prefix);
    worker.kill("SIGKILL");
    await once(worker, "exit");
  }
  const done = consume({ redisUrl, prefix });
  await vi.waitFor(() => expect(done).toEqual([1]), { timeout: 20_000 });
  expect(await failedJobs(redisUrl, prefix)).toBe(0);
}, 60_000);

/** A process that takes a batch and does not finish it; resolves when it has one. */
async function startStuckWorker(redisUrl: string, prefix: string): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL("helpers/stuckWorker.mjs", import.meta.url)), [redisUrl, prefix]);
  undo.push(() => child.kill("SIGKILL"));
  await once(child, "message");
  return child;
}

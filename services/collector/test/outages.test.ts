import { setTimeout as delay } from "node:timers/promises";
import { startRedis } from "@quarterpast/stack/servers";
import { startTestRedis, type TestRedis } from "@quarterpast/testkit/servers";
import { createConsumer, type UsageBatch } from "@quarterpast/queue";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import type { Collector } from "../src/collector.js";
import { createStand, isReady, json, nowMicros, post, until, usageEvent } from "./kit.js";

type Stand = Awaited<ReturnType<typeof createStand>>;

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function standWith(redisUrl?: string): Promise<Stand> {
  const stand = await createStand(redisUrl === undefined ? {} : { redisUrl });
  ends.push(() => stand.end());
  return stand;
}

async function ownRedis(): Promise<TestRedis> {
  const redis = await startTestRedis();
  ends.push(() => redis.stop());
  return redis;
}

/** Takes batches off the queue; with `receipts` it writes theirs, as an aggregator would. */
function consume(stand: Stand, receipts: boolean): UsageBatch[] {
  const batches: UsageBatch[] = [];
  const consumer = createConsumer({
    redisUrl: stand.env.REDIS_URL,
    prefix: stand.env.QUEUE_PREFIX,
    concurrency: 1,
    process: async (batch) => {
      batches.push(batch);
      if (receipts) await writeReceipt(stand, batch);
    },
    onError: () => {},
  });
  ends.push(() => consumer.close());
  return batches;
}

async function writeReceipt(stand: Stand, { collectorNo, seq, events }: UsageBatch): Promise<void> {
  await stand.pool.query(
    `INSERT INTO receipts (collector_no, seq, counted, duplicates, conflicts, quarantined, committed_at)
     VALUES ($1, $2, $3, 0, 0, 0, now()) ON CONFLICT DO NOTHING`,
    [collectorNo, seq, events.length],
  );
}

interface CollectorRow {
  no: number;
  watermark: number;
  left: boolean;
}

async function collectorRow(stand: Stand): Promise<CollectorRow> {
  const { rows } = await stand.pool.query<CollectorRow>(
    "SELECT collector_no AS no, watermark, left_at IS NOT NULL AS left FROM collectors",
  );
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

async function outstanding(collector: Collector): Promise<number> {
  const text = await (await fetch(`${collector.url}/metrics`)).text();
  return Number(/outstanding_entries\{[^}]*\} (\d+)/.exec(text)?.[1]);
}

async function failing(collector: Collector): Promise<{ check: string; detail: string }[]> {
  const response = await fetch(`${collector.url}/healthz/ready`);
  return (await json<{ failing: { check: string; detail: string }[] }>(response)).failing;
}

const ids = (batches: UsageBatch[]) => new Set(batches.flatMap(({ events }) => events.map(({ id }) => id)));

describe("without a Redis to trust", () => {
  it("answers 503 within 2 s with Retry-After, and takes events within 5 s of its return", async () => {
    const redis = await ownRedis();
    const collector = await (await standWith(redis.url)).start();
    await redis.kill();
    const started = performance.now();
    const refused = await post(collector, usageEvent());
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(await refused.json()).toMatchObject({ code: "unavailable" });
    expect(await isReady(collector)).toBe(false);
    const again = await startRedis({ dataDir: redis.dataDir, port: redis.port });
    ends.push(() => again.stop());
    await until(async () => (await post(collector, usageEvent())).status === 202, 5_000);
  });

  it("answers 503 within 2 s where Redis hangs", async () => {
    const redis = await ownRedis();
    const collector = await (await standWith(redis.url)).start();
    process.kill(redis.pid, "SIGSTOP");
    ends.push(async () => process.kill(redis.pid, "SIGCONT"));
    const started = performance.now();
    const answers = await Promise.all([1, 2, 3].map(() => post(collector, usageEvent())));
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
    process.kill(redis.pid, "SIGCONT");
    await until(async () => (await post(collector, usageEvent())).status === 202, 5_000);
  });

  it("acknowledges nothing while its settings may lose data", async () => {
    const redis = await ownRedis();
    const collector = await (await standWith(redis.url)).start();
    const admin = new Redis(redis.url);
    ends.push(async () => admin.disconnect());
    await admin.config("SET", "appendfsync", "everysec");
    await until(async () => (await post(collector, usageEvent())).status === 503, 2_000);
    expect(await failing(collector)).toMatchObject([
      { check: "redis", detail: expect.stringContaining("appendfsync") },
    ]);
    await admin.config("SET", "appendfsync", "always");
    await until(async () => (await post(collector, usageEvent())).status === 202, 5_000);
  });

  it("acknowledges with only the journal by policy, says so, and enqueues when Redis is back", async () => {
    const redis = await ownRedis();
    const stand = await standWith(redis.url);
    const collector = await stand.start({ env: { REDIS_DOWN: "journal" } });
    await redis.kill();
    const event = usageEvent();
    const response = await post(collector, event);
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ accepted: 1, rejected: [], durability: "journal" });
    const again = await startRedis({ dataDir: redis.dataDir, port: redis.port });
    ends.push(() => again.stop());
    const batches = consume(stand, true);
    await until(() => ids(batches).has(event.id as string));
    await until(async () => (await outstanding(collector)) === 0);
    expect(await (await post(collector, usageEvent())).json()).toEqual({ accepted: 1, rejected: [] });
  });

  it("enqueues again from the journal what Redis forgot", async () => {
    const redis = await ownRedis();
    const stand = await standWith(redis.url);
    const collector = await stand.start({ receiptWithinMs: 1_000 });
    const sent = Array.from({ length: 20 }, () => usageEvent());
    for (const event of sent) expect((await post(collector, event)).status).toBe(202);
    const admin = new Redis(redis.url);
    ends.push(async () => admin.disconnect());
    await admin.flushall();
    const batches = consume(stand, true);
    await until(() => ids(batches).size === sent.length);
    await until(async () => (await outstanding(collector)) === 0);
  });
});

describe("a Redis that fills up", () => {
  it("is given no more before its workers could not go on; what it took is counted and it takes more", async () => {
    const redis = await ownRedis();
    const stand = await standWith(redis.url);
    const collector = await stand.start();
    const admin = new Redis(redis.url);
    ends.push(async () => admin.disconnect());
    const used = Number(/^used_memory:(\d+)/m.exec(await admin.info("memory"))![1]);
    await admin.config("SET", "maxmemory", used + 24 * 1_048_576);
    const taken = new Set<unknown>();
    let refusal = "";
    for (let tries = 0; refusal === "" && tries < 400; tries += 1) {
      const batch = Array.from({ length: 1_000 }, () => usageEvent({ padding: "x".repeat(200) }));
      const response = await post(collector, batch);
      if (response.status === 202) for (const { id } of batch) taken.add(id);
      else refusal = `${response.status} ${response.headers.get("retry-after")} ${await response.text()}`;
    }
    expect(taken.size).toBeGreaterThan(1_000);
    expect(refusal).toMatch(/^503 1 .*Redis is full: \d+ of \d+ bytes/);
    const batches = consume(stand, true);
    await until(async () => (await post(collector, usageEvent())).status === 202, 30_000);
    const missing = () => {
      const counted = ids(batches);
      return [...taken].filter((id) => !counted.has(id as string)).length;
    };
    await until(() => missing() === 0, 30_000);
  });
});

describe("a Redis that lost what it took", () => {
  it("gets it again within seconds, though no receipt is overdue: emptied, or brought back as it was", async () => {
    const redis = await ownRedis();
    const stand = await standWith(redis.url);
    const collector = await stand.start();
    const admin = new Redis(redis.url);
    ends.push(async () => admin.disconnect());
    await until(async () => (await admin.keys("*:mark:*")).length === 1);
    const mark = (await admin.keys("*:mark:*"))[0]!;
    await until(async () => Number(await admin.get(mark)) > 2);
    const first = usageEvent();
    expect((await post(collector, first)).status).toBe(202);
    const early = await admin.get(mark);
    await admin.flushall();
    const queued = async () => (await admin.keys("*:usage:[0-9]*-[0-9]*")).length;
    await until(async () => (await queued()) === 1, 3_000);
    // An earlier copy: it lacks the job, and its mark is older.
    await until(async () => Number(await admin.get(mark)) > Number(early));
    await admin.multi().flushall().set(mark, Number(early)).exec();
    await until(async () => (await queued()) === 1, 3_000);
    const batches = consume(stand, true);
    await until(() => ids(batches).has(first.id as string));
  });
});

describe("the answer", () => {
  it("comes only after the journal is on disk, Redis or not", async () => {
    let wait = 0;
    const stand = await standWith();
    const collector = await stand.start({
      sync: async (handle) => {
        await delay(wait);
        await handle.datasync();
      },
    });
    const batches = consume(stand, false);
    wait = 700;
    const event = usageEvent();
    let isAnswered = false;
    const started = performance.now();
    const answer = post(collector, event).finally(() => (isAnswered = true));
    await until(() => ids(batches).has(event.id as string));
    expect(isAnswered).toBe(false);
    expect((await answer).status).toBe(202);
    expect(performance.now() - started).toBeGreaterThan(690);
  });

  it("is 503 within 2 s where the disk hangs, and where it fails", async () => {
    let sync: () => Promise<void> = async () => {};
    const collector = await (await standWith()).start({ sync: () => sync() });
    sync = () => delay(3_000);
    const started = performance.now();
    expect((await post(collector, usageEvent())).status).toBe(503);
    expect(performance.now() - started).toBeLessThan(2_000);
    sync = () => Promise.reject(new Error("EIO: i/o error"));
    await delay(1_500);
    const failed = await post(collector, usageEvent());
    expect(failed.status).toBe(503);
    expect(await failed.text()).toContain("EIO");
    sync = async () => {};
    await until(async () => (await post(collector, usageEvent())).status === 202, 5_000);
  });
});

describe("the watermark", () => {
  it("stands at the oldest entry without a receipt, and follows the clock when there is none", async () => {
    const stand = await standWith();
    const collector = await stand.start();
    const before = nowMicros();
    await until(async () => (await collectorRow(stand)).watermark > before);
    const sent = nowMicros();
    await post(collector, usageEvent());
    const answered = nowMicros();
    await delay(600);
    const { watermark } = await collectorRow(stand);
    expect(watermark).toBeGreaterThan(sent - 50_000);
    expect(watermark).toBeLessThan(answered + 50_000);
    consume(stand, true);
    await until(async () => (await collectorRow(stand)).watermark > answered + 1_000_000);
  });

  it("is left behind as it stands while something is outstanding, and said goodbye to else", async () => {
    const stand = await standWith();
    const first = await stand.start();
    await post(first, usageEvent());
    await first.stop();
    expect((await collectorRow(stand)).left).toBe(false);
    const second = await stand.start({ leaveWithinMs: 5_000 });
    consume(stand, true);
    await second.stop();
    expect((await collectorRow(stand)).left).toBe(true);
  });
});

describe("a restart", () => {
  it("enqueues all entries without receipts, under the same collector and with new numbers for new ones", async () => {
    const stand = await standWith();
    const first = await stand.start();
    const sent = Array.from({ length: 5 }, () => usageEvent());
    for (const event of sent) await post(first, event);
    const { no } = await collectorRow(stand);
    await first.stop();
    const admin = new Redis(stand.env.REDIS_URL);
    ends.push(async () => admin.disconnect());
    const keys = await admin.keys(`${stand.env.QUEUE_PREFIX}*`);
    await admin.del(keys);
    const second = await stand.start();
    const batches = consume(stand, true);
    await until(() => ids(batches).size === sent.length);
    const highest = Math.max(...batches.map(({ seq }) => seq));
    const late = usageEvent();
    expect((await post(second, late)).status).toBe(202);
    await until(() => ids(batches).has(late.id as string));
    expect(Math.max(...batches.map(({ seq }) => seq))).toBeGreaterThan(highest);
    expect(new Set(batches.map(({ collectorNo }) => collectorNo))).toEqual(new Set([no]));
  });
});

describe("a journal that is an old copy", () => {
  it("gives out only numbers above those that have receipts already", async () => {
    const stand = await standWith();
    const first = await stand.start();
    await post(first, usageEvent());
    const { no } = await collectorRow(stand);
    await first.stop();
    await stand.pool.query(
      `INSERT INTO receipts (collector_no, seq, counted, duplicates, conflicts, quarantined, committed_at)
       SELECT $1, seq, 1, 0, 0, 0, now() FROM generate_series(1, 5000) AS seq`,
      [no],
    );
    const second = await stand.start();
    const batches = consume(stand, true);
    const event = usageEvent();
    await post(second, event);
    await until(() => ids(batches).has(event.id as string));
    expect(batches.find(({ events }) => events[0]!.id === event.id)!.seq).toBeGreaterThan(5_000);
  });
});

describe("without Postgres", () => {
  it("goes on acknowledging while the watermark stands, and catches up by itself", async () => {
    const stand = await standWith();
    const collector = await stand.start();
    const name = new URL(stand.env.DATABASE_URL).pathname.slice(1);
    const others = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = '${name}' AND pid <> pg_backend_pid() AND application_name = 'quarterpast-collector'`;
    await stand.pool.query(`ALTER TABLE collectors RENAME TO collectors_away`);
    await stand.pool.query(`ALTER TABLE api_keys RENAME TO api_keys_away`);
    await stand.pool.query(others);
    await delay(1_500);
    expect((await post(collector, usageEvent())).status).toBe(202);
    await stand.pool.query(`ALTER TABLE collectors_away RENAME TO collectors`);
    await stand.pool.query(`ALTER TABLE api_keys_away RENAME TO api_keys`);
    const back = nowMicros();
    consume(stand, true);
    await until(async () => (await collectorRow(stand)).watermark > back);
  });

  it("listens and answers 503 until it was there once", async () => {
    const stand = await standWith();
    await stand.pool.query(`ALTER TABLE api_keys RENAME TO api_keys_away`);
    const collector = await stand.start({ isReady: false });
    const refused = await post(collector, usageEvent());
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect((await failing(collector)).map(({ check }) => check)).toEqual(
      expect.arrayContaining(["keys", "clock"]),
    );
    await stand.pool.query(`ALTER TABLE api_keys_away RENAME TO api_keys`);
    await until(async () => (await post(collector, usageEvent())).status === 202, 5_000);
  });
});

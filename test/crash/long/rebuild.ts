import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { PREFIX } from "../world.js";
import { FIRST_MS, openStage } from "./stage.js";
import { hourOfUsage, quantityOf, send } from "./usage.js";
import type { LongRun, PartResult } from "./longRun.js";

const INSTANCES = 1_000;
const EVENTS = 1_000_000;
const BAR_MS = 60_000;
const GIVE_UP_MS = 240_000;
/** Events per request, and the pause after it: about 2,000 events a second keep coming. */
const STILL_SENT = 100;
const PAUSE_MS = 50;

/**
 * A million acknowledged events wait in Redis when it is emptied, while others still come in. Measures the time from
 * then until each of their jobs is in the queue again (or counted already), restored only from the collectors'
 * journals, and until all are counted.
 */
export async function rebuild({ root, dir, say }: LongRun): Promise<PartResult> {
  const stage = await openStage({
    root,
    dir,
    say,
    instances: INSTANCES,
    services: { collector: 2, aggregator: 2, reporter: 0 },
  });
  const redis = new Redis(stage.redisUrl);
  try {
    await stage.start("collector");
    const acknowledged = await send(stage.collectors, hourOfUsage(INSTANCES, FIRST_MS, EVENTS / INSTANCES));
    say(`${acknowledged} events acknowledged, none counted`);
    const waiting = await redis.lrange(`${PREFIX}:usage:wait`, 0, -1);
    const under = sendOn(stage.collectors);
    await redis.flushall();
    const from = Date.now();
    await stage.start("aggregator");
    const counted = async (): Promise<number> => {
      const { rows } = await stage.pool.query<{ n: number }>(
        "SELECT COALESCE(sum(counted), 0)::float8 AS n FROM receipts",
      );
      return rows[0]!.n;
    };
    let requeuedMs = 0;
    let gone = waiting;
    for (; (await counted()) < acknowledged && Date.now() - from < GIVE_UP_MS; await sleep(200)) {
      gone = await stillGone(redis, stage.pool, gone);
      if (requeuedMs === 0 && gone.length === 0) requeuedMs = Date.now() - from;
    }
    const countedMs = Date.now() - from;
    const more = await under();
    for (const until = Date.now() + 90_000; (await counted()) < acknowledged + more && Date.now() < until;)
      await sleep(500);
    const { lost, doubled } = await audit(stage.pool, acknowledged + more);
    return {
      isGood: waiting.length > 0 && gone.length === 0 && requeuedMs <= BAR_MS && lost === 0 && doubled === 0,
      figures: {
        events: acknowledged,
        jobs: waiting.length,
        requeuedMs,
        countedMs,
        underLoad: more,
        lost,
        doubled,
      },
    };
  } finally {
    redis.disconnect();
    await stage.end();
  }
}

/** The jobs that were there before and are now neither in Redis again nor counted. */
async function stillGone(redis: Redis, pool: Pool, jobs: readonly string[]): Promise<string[]> {
  const pipeline = redis.pipeline();
  for (const job of jobs) pipeline.exists(`${PREFIX}:usage:${job}`);
  const there = (await pipeline.exec()) ?? [];
  const { rows } = await pool.query<{ job: string }>(
    "SELECT collector_no || '-' || seq AS job FROM receipts",
  );
  const counted = new Set(rows.map(({ job }) => job));
  return jobs.filter((job, at) => there[at]?.[1] !== 1 && !counted.has(job));
}

/** Keeps sending, one request after the other; returns how many were acknowledged once it is told to end. */
function sendOn(collectors: readonly string[]): () => Promise<number> {
  let isOver = false;
  const sending = (async () => {
    let sum = 0;
    for (let round = 1; !isOver; round += 1, await sleep(PAUSE_MS))
      sum += await send(collectors, hourOfUsage(STILL_SENT, FIRST_MS + round));
    return sum;
  })();
  return () => ((isOver = true), sending);
}

interface Pool {
  query<T extends object>(sql: string): Promise<{ rows: T[] }>;
}

/** Every acknowledged event is there once, and the first million add up to what was sent. */
async function audit(pool: Pool, acknowledged: number): Promise<{ lost: number; doubled: number }> {
  const { rows } = await pool.query<{ events: number; summed: number; total: string }>(
    `SELECT (SELECT count(*)::float8 FROM events) AS events, (SELECT sum(events)::float8 FROM hour_usage) AS summed,
       (SELECT sum(quantity) FROM events WHERE id LIKE '${FIRST_MS}-%')::text AS total`,
  );
  const [{ events, summed, total }] = rows as [{ events: number; summed: number; total: string }];
  let due = 0;
  for (let no = 0; no < INSTANCES; no += 1)
    due += Math.round(Number(quantityOf(no, FIRST_MS)) * 10) * (EVENTS / INSTANCES);
  const difference = Math.round(Number(total) * 10) - due;
  return {
    lost: Math.max(0, acknowledged - events, acknowledged - summed, difference < 0 ? 1 : 0),
    doubled: Math.max(0, events - acknowledged, summed - acknowledged, difference > 0 ? 1 : 0),
  };
}

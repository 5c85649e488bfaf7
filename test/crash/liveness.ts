import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { Workload } from "./workload.js";
import { PREFIX, type World } from "./world.js";

/** A violated invariant: its number in SPEC, and what was seen. */
export interface Violation {
  id: string;
  detail: string;
}

/** How long each outage lasted beyond its end, milliseconds. */
export interface Liveness {
  /** From the end of all faults to the next acknowledged event, and to the next committed receipt. */
  afterFaultsMs: number;
  redisMs: number;
  postgresMs: number;
  marketplaceMs: number;
  collectorMs: number;
  /** From the death of both aggregators to receipts for all their jobs. */
  inFlightJobsMs: number;
  /** How much slower this machine is now than an idle one; the limits are scaled by it. */
  slowness: number;
  violations: Violation[];
}

const RESUME_WITHIN_MS = 5_000;
const IN_FLIGHT_WITHIN_MS = 15_000;
const OUTAGE_MS = 3_000;
const GIVE_UP_MS = 60_000;

/** Single outages one after the other on the healed system, each timed from its end to the next progress. */
export async function measureLiveness(
  world: World,
  workload: Workload,
  say: (line: string) => void,
): Promise<Liveness> {
  const ack = () => workload.state.lastAckAt;
  const receipt = () => latest(world, "SELECT count(*)::float8 AS at FROM receipts");
  const settled = () =>
    latest(world, "SELECT count(*)::float8 AS at FROM attempts WHERE result = 'accepted'");
  const times: Record<string, number> = {};
  const slow = [measureSlowness()];
  const outage = async (
    name: string,
    during: () => Promise<void>,
    progress: () => number | Promise<number>,
  ) => {
    await during();
    times[name] = await untilMoved(progress);
    slow.push(measureSlowness());
    say(`${name}: resumed after ${times[name]} ms`);
    await sleep(1_000);
  };
  await outage("afterFaultsMs", async () => {}, receipt);
  for (const server of [world.servers.redis, world.servers.postgres]) {
    const during = async () => {
      await server.kill();
      await sleep(OUTAGE_MS);
      await server.start();
    };
    await outage(`${server.name}Ms`, during, server.name === "redis" ? ack : receipt);
  }
  await outage(
    "marketplaceMs",
    async () => {
      await world.setFaults([{ mode: "down" }]);
      await untilOwed(world);
      await sleep(OUTAGE_MS);
      await world.setFaults([]);
    },
    settled,
  );
  await outage(
    "collectorMs",
    async () => {
      for (const service of world.services) if (service.kind === "collector") service.kill();
      await sleep(200);
    },
    ack,
  );
  times.inFlightJobsMs = await killAggregators(world);
  say(`inFlightJobsMs: ${times.inFlightJobsMs} ms`);
  const slowness = Math.max(...slow, measureSlowness());
  say(`this machine was ${slowness} times as slow as an idle one`);
  const violations = Object.entries(times)
    .filter(
      ([name, ms]) => ms > slowness * (name === "inFlightJobsMs" ? IN_FLIGHT_WITHIN_MS : RESUME_WITHIN_MS),
    )
    .map(([name, ms]) => ({ id: "I18", detail: `${name}: ${ms} ms` }));
  return { ...(times as unknown as Liveness), slowness, violations };
}

/** Start time of an empty process on an idle machine of this size. */
const IDLE_START_MS = 60;

/** If others use the machine, a service that would start within its limit starts late. */
function measureSlowness(): number {
  const from = performance.now();
  spawnSync(process.execPath, ["-e", "0"]);
  return Math.max(1, Math.round((performance.now() - from) / IDLE_START_MS));
}

/** Milliseconds until the value differs from the first one. */
async function untilMoved(read: () => number | Promise<number>): Promise<number> {
  const from = Date.now();
  const first = await read();
  while (Date.now() - from < GIVE_UP_MS && (await read()) <= first) await sleep(20);
  return Date.now() - from;
}

/** Waits until a call is owed to the marketplace: only then does it show whether submission resumes. */
async function untilOwed(world: World): Promise<void> {
  const owed = () =>
    latest(
      world,
      "SELECT count(*)::float8 AS at FROM submissions WHERE state IN ('frozen', 'sent', 'unknown')",
    );
  for (const until = Date.now() + GIVE_UP_MS; (await owed()) <= 0 && Date.now() < until;) await sleep(50);
}

async function latest(world: World, sql: string): Promise<number> {
  const found = await world.pool.query<{ at: number }>(sql).catch(() => undefined);
  return found?.rows[0]?.at ?? -1;
}

/** Kills both aggregators while they hold jobs; returns the time until the last of those jobs has its receipt. */
async function killAggregators(world: World): Promise<number> {
  const redis = new Redis(world.redisUrl);
  redis.on("error", () => {});
  try {
    let held: string[] = [];
    for (const until = Date.now() + 10_000; held.length === 0 && Date.now() < until;) {
      held = await redis.lrange(`${PREFIX}:usage:active`, 0, -1);
    }
    for (const service of world.services) if (service.kind === "aggregator") service.kill();
    const from = Date.now();
    held = [...new Set([...held, ...(await redis.lrange(`${PREFIX}:usage:active`, 0, -1))])];
    const [collectors, seqs] = [0, 1].map((part) => held.map((job) => Number(job.split("-")[part])));
    for (; Date.now() - from < GIVE_UP_MS; await sleep(50)) {
      const { rows } = await world.pool.query<{ n: number }>(
        `SELECT count(*)::float8 AS n FROM unnest($1::int[], $2::bigint[]) AS t (c, s)
         JOIN receipts ON collector_no = c AND seq = s`,
        [collectors, seqs],
      );
      if (rows[0]!.n === held.length) break;
    }
    return Date.now() - from;
  } finally {
    redis.disconnect();
  }
}

/**
 * Longer than an owed call waits between two attempts, however many failed before (KooGallery's backoff, overdue).
 */
const DRAIN_WITHIN_MS = 330_000;
/** Fast enough that the open hours end soon. */
const DRAIN_RATE = 600;

/** Lets the last hours end and everything come to rest; reports what does not. */
export async function drain(world: World, say: (line: string) => void): Promise<Violation[]> {
  const from = Date.now();
  await world.setRate(DRAIN_RATE);
  const redis = new Redis(world.redisUrl);
  redis.on("error", () => {});
  let left = "";
  try {
    for (; Date.now() - from < DRAIN_WITHIN_MS; await sleep(300)) {
      left = await whatIsLeft(world, redis).catch((error: unknown) => String(error));
      if (left === "") {
        say(`drained after ${Date.now() - from} ms`);
        return [];
      }
    }
  } finally {
    redis.disconnect();
  }
  return [{ id: "I18", detail: `after ${DRAIN_WITHIN_MS} ms there was left: ${left}` }];
}

async function whatIsLeft(world: World, redis: Redis): Promise<string> {
  const { rows } = await world.pool.query<Record<string, number>>(
    `SELECT (SELECT count(*)::float8 FROM hour_usage u JOIN shards s USING (shard) WHERE bill_hour >= sealed_before) AS open,
       (SELECT count(*)::float8 FROM hours WHERE frozen_at IS NULL) AS unfrozen,
       (SELECT count(*)::float8 FROM (SELECT hour FROM hours GROUP BY hour HAVING bool_and(frozen_at IS NOT NULL)) h
          WHERE NOT EXISTS (SELECT 1 FROM anchors JOIN manifests m USING (account_no, number) WHERE m.hour = h.hour)) AS unproven,
       (SELECT count(*)::float8 FROM quarantine q JOIN instances i ON i.subject = q.subject JOIN meters m ON m.code = q.meter
          AND m.meter_no = i.meter_no WHERE q.released_at IS NULL AND q.reason NOT LIKE 'correct%') AS waiting,
       (SELECT count(*)::float8 FROM submissions WHERE state IN ('frozen', 'sent', 'unknown')) AS owed,
       (SELECT count(*)::float8 FROM billing.records WHERE state NOT IN ('billed', 'replaced', 'conflict')) AS unbilled`,
  );
  const [wait, active, delayed] = await Promise.all([
    redis.llen(`${PREFIX}:usage:wait`),
    redis.llen(`${PREFIX}:usage:active`),
    redis.zcard(`${PREFIX}:usage:delayed`),
  ]);
  const all: Record<string, number> = { ...rows[0]!, wait, active, delayed };
  return Object.entries(all)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

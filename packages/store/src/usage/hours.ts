import { HOUR, SHARDS, type HourStatus, type Micros } from "@quarterpast/domain";
import { inTransaction, stamp, stamps, type Db, type Pool } from "../db/database.js";
import { SHARD_LOCK } from "./hourUsage.js";

/** Makes the shards' rows where they are missing: hours before `firstHour` count as sealed. */
export async function ensureShards(db: Db, firstHour: Micros): Promise<void> {
  await db.query(
    `INSERT INTO shards (shard, sealed_before) SELECT shard, $2::timestamptz FROM generate_series(0, $1::integer - 1) AS shard
     ON CONFLICT DO NOTHING`,
    [SHARDS, stamp(firstHour)],
  );
}

/** Per shard, its first open hour. */
export async function readShards(db: Db): Promise<{ shard: number; openHour: Micros }[]> {
  const { rows } = await db.query<{ shard: number; openHour: Micros }>(
    `SELECT shard, sealed_before AS "openHour" FROM shards ORDER BY shard`,
  );
  return rows;
}

/**
 * Seals one hour of a shard, if it still is the shard's first open hour. The exclusive lock covers the flip alone;
 * `lock_timeout` keeps a sealer from queueing writers behind itself for long.
 * @returns the status, `nothing` in place of `complete` where no usage came; undefined where another sealer was first.
 */
export async function sealHour(
  pool: Pool,
  {
    shard,
    hour,
    complete,
    reason,
    now,
  }: { shard: number; hour: Micros; complete: boolean; reason: string; now: Micros },
): Promise<HourStatus | undefined> {
  return inTransaction(pool, async (client) => {
    await client.query("SET LOCAL lock_timeout = '2s'");
    await client.query("SELECT pg_advisory_xact_lock($1::integer, $2::integer)", [SHARD_LOCK, shard]);
    const flipped = await client.query(
      "UPDATE shards SET sealed_before = $3::timestamptz WHERE shard = $1::smallint AND sealed_before = $2::timestamptz",
      [shard, stamp(hour), stamp(hour + HOUR)],
    );
    if (flipped.rowCount !== 1) return undefined;
    const { rows } = await client.query<{ status: HourStatus }>(
      `INSERT INTO hours (hour, shard, status, reason, sealed_at)
       SELECT $2::timestamptz, $1::smallint, CASE WHEN NOT $3::boolean THEN 'incomplete'
         WHEN EXISTS (SELECT 1 FROM hour_usage WHERE shard = $1::smallint AND bill_hour = $2::timestamptz) THEN 'complete'
         ELSE 'nothing' END, $4::text, $5::timestamptz
       RETURNING status`,
      [shard, stamp(hour), complete, reason, stamp(now)],
    );
    return rows[0]!.status;
  });
}

/** One hour over all shards, as an operator sees it. */
export interface HourSummary {
  hour: Micros;
  /** `open` until every shard is sealed; then the weakest of the shards' statuses. */
  status: "open" | HourStatus;
  reason: string;
  sealedAt: Micros | null;
  events: number;
  records: number;
  /** Records by their present state. */
  states: Record<string, number>;
  windowEnds: Micros | null;
}

/** The newest hours first; an hour appears once a shard of it is sealed or has usage. */
export async function listHours(db: Db, before: Micros, limit: number): Promise<HourSummary[]> {
  const { rows } = await db.query<HourSummary>(
    `WITH seen AS (
       SELECT hour FROM hours WHERE hour < $1::timestamptz
       UNION SELECT bill_hour FROM hour_usage WHERE bill_hour < $1::timestamptz
       ORDER BY hour DESC LIMIT $2::integer
     )
     SELECT seen.hour,
       CASE WHEN h.shards < $3::integer OR h.shards IS NULL THEN 'open'
            WHEN h.incomplete THEN 'incomplete' WHEN h.usage THEN 'complete' ELSE 'nothing' END AS status,
       COALESCE(h.reason, '') AS reason, h.sealed_at AS "sealedAt", COALESCE(u.events, 0) AS events,
       COALESCE(r.records, 0) AS records, COALESCE(r.states, '{}') AS states, r.window_ends AS "windowEnds"
     FROM seen
     LEFT JOIN LATERAL (SELECT count(*)::integer AS shards, bool_or(status = 'incomplete') AS incomplete,
       bool_or(status = 'complete') AS usage, max(reason) AS reason, max(sealed_at) AS sealed_at
       FROM hours WHERE hours.hour = seen.hour) h ON true
     LEFT JOIN LATERAL (SELECT sum(events)::bigint AS events FROM hour_usage
       WHERE shard >= 0 AND bill_hour = seen.hour) u ON true
     LEFT JOIN LATERAL (SELECT sum(n)::bigint AS records, jsonb_object_agg(state, n) AS states, min(window_ends) AS window_ends
       FROM (SELECT state, count(*) AS n, min(window_ends) AS window_ends FROM billing.records b
             WHERE b.hour = seen.hour GROUP BY state) s) r ON true
     ORDER BY seen.hour DESC`,
    [stamp(before), limit, SHARDS],
  );
  return rows;
}

/** A sealed hour of a shard whose records are not all made yet. */
export interface FreezeWork {
  hour: Micros;
  shard: number;
  /** Instances up to this number are done. */
  frozenThrough: number;
}

/** The oldest unfrozen hour of each shard: hours in order, for chain and residue go from hour to hour. */
export async function findFreezeWork(db: Db): Promise<FreezeWork[]> {
  const { rows } = await db.query<FreezeWork>(
    `SELECT DISTINCT ON (shard) shard, hour, frozen_through AS "frozenThrough" FROM hours
     WHERE frozen_at IS NULL ORDER BY shard, hour`,
  );
  return rows;
}

/** Takes the hour for this transaction; undefined where another reporter has it or it is done. */
export async function lockFreezeWork(db: Db, { shard, hour }: FreezeWork): Promise<FreezeWork | undefined> {
  const { rows } = await db.query<FreezeWork>(
    `SELECT shard, hour, frozen_through AS "frozenThrough" FROM hours
     WHERE shard = $1::smallint AND hour = $2::timestamptz AND frozen_at IS NULL FOR UPDATE SKIP LOCKED`,
    [shard, stamp(hour)],
  );
  return rows[0];
}

/** Notes how far the freezing of an hour has come; `done` ends it. */
export async function advanceFreeze(
  db: Db,
  work: FreezeWork,
  through: number,
  done: boolean,
  now: Micros,
): Promise<void> {
  await db.query(
    `UPDATE hours SET frozen_through = $3::integer, frozen_at = CASE WHEN $4::boolean THEN $5::timestamptz END
     WHERE shard = $1::smallint AND hour = $2::timestamptz`,
    [work.shard, stamp(work.hour), through, done, stamp(now)],
  );
}

/** A shard's hour as an export names it. */
export interface RestoredShard {
  shard: number;
  status: string;
  reason: string;
  sealedAt: Micros;
  frozenAt: Micros;
}

/** Seals an hour in all shards as it was: from here on nothing is added to it. */
export async function restoreSeal(db: Db, hour: Micros, shards: readonly RestoredShard[]): Promise<void> {
  if (shards.length !== SHARDS) throw new Error(`the export seals ${shards.length} shards of ${SHARDS}`);
  await db.query(
    `INSERT INTO hours (hour, shard, status, reason, sealed_at, frozen_at)
     SELECT $1::timestamptz, t.* FROM unnest($2::smallint[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
       AS t (shard, status, reason, sealed_at, frozen_at)
     ON CONFLICT (hour, shard) DO UPDATE SET frozen_at = COALESCE(hours.frozen_at, excluded.frozen_at)`,
    [
      stamp(hour),
      shards.map(({ shard }) => shard),
      shards.map(({ status }) => status),
      shards.map(({ reason }) => reason),
      stamps(shards.map(({ sealedAt }) => sealedAt)),
      stamps(shards.map(({ frozenAt }) => frozenAt)),
    ],
  );
  await db.query("UPDATE shards SET sealed_before = $1::timestamptz WHERE sealed_before < $1::timestamptz", [
    stamp(hour + HOUR),
  ]);
}

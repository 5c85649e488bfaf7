import { HOUR, SHARDS, type HourStatus, type Micros } from "@quarterpast/domain";
import { inTransaction, stamp, stamps, type Db, type Pool } from "../db/database.js";
import { SHARD_LOCK } from "./hourUsage.js";

/** Inserts missing rows of shards: hours before `firstHour` count as sealed. */
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
 * Seals one hour of a shard, if it still is the shard's first open hour. The exclusive lock covers only the flip;
 * `lock_timeout` keeps a waiting sealer from blocking writers for long.
 * @returns the status, `nothing` in place of `complete` if there was no usage; undefined if another sealer was first.
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

/** One hour over all shards with what accounts have in it, for an operator. */
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

/**
 * The newest hours first, with usage and records of accounts; an hour appears once one of its shards is sealed or has
 * usage.
 */
export async function listHours(
  db: Db,
  accountNos: readonly number[],
  before: Micros,
  limit: number,
): Promise<HourSummary[]> {
  const { rows } = await db.query<HourSummary>(
    `WITH seen AS (
       SELECT hour FROM hours WHERE hour < $1::timestamptz
       UNION SELECT bill_hour FROM hour_usage WHERE bill_hour < $1::timestamptz
       ORDER BY hour DESC LIMIT $2::integer
     )
     SELECT seen.hour,
       CASE WHEN h.shards < $3::integer OR h.shards IS NULL THEN 'open'
            WHEN h.incomplete THEN 'incomplete' WHEN u.events > 0 OR r.records > 0 THEN 'complete' ELSE 'nothing' END AS status,
       COALESCE(h.reason, '') AS reason, h.sealed_at AS "sealedAt", COALESCE(u.events, 0) AS events,
       COALESCE(r.records, 0) AS records, COALESCE(r.states, '{}') AS states, r.window_ends AS "windowEnds"
     FROM seen
     LEFT JOIN LATERAL (SELECT count(*)::integer AS shards, bool_or(status = 'incomplete') AS incomplete,
       max(reason) AS reason, max(sealed_at) AS sealed_at
       FROM hours WHERE hours.hour = seen.hour) h ON true
     LEFT JOIN LATERAL (SELECT sum(events)::bigint AS events FROM hour_usage u JOIN instances i USING (instance_no)
       WHERE u.shard >= 0 AND u.bill_hour = seen.hour AND i.account_no = ANY ($4::smallint[])) u ON true
     LEFT JOIN LATERAL (SELECT sum(n)::bigint AS records, jsonb_object_agg(state, n) AS states, min(window_ends) AS window_ends
       FROM (SELECT state, count(*) AS n, min(window_ends) AS window_ends FROM billing.records b
             WHERE b.hour = seen.hour AND b.account IN (SELECT code FROM accounts WHERE account_no = ANY ($4::smallint[]))
             GROUP BY state) s) r ON true
     ORDER BY seen.hour DESC`,
    [stamp(before), limit, SHARDS, [...accountNos]],
  );
  return rows;
}

/** An account's part of a shard's sealed hour whose records are not all frozen yet. */
export interface FreezeWork {
  accountNo: number;
  hour: Micros;
  shard: number;
  /** Instances up to this number are done. */
  frozenThrough: number;
}

/**
 * Divides the oldest sealed hour of each shard among the accounts that have usage in it, or whose marketplace takes an
 * hour only once; an hour of no account is done. Hours of a shard are divided in order, so that no account begins with a
 * later one. Several processes may run it concurrently.
 * @returns how many hours were divided; call again until it is 0.
 */
export async function divideHours(pool: Pool, now: Micros): Promise<number> {
  const { rows } = await pool.query<{ shard: number; hour: Micros }>(
    `SELECT DISTINCT ON (shard) shard, hour FROM hours WHERE divided_at IS NULL AND frozen_at IS NULL ORDER BY shard, hour`,
  );
  let divided = 0;
  for (const { shard, hour } of rows) {
    const { rows: done } = await pool.query<{ divided: number }>(DIVIDE, [shard, stamp(hour), stamp(now)]);
    divided += done[0]!.divided;
  }
  return divided;
}

/** One lookup for each account: a single row of its usage is enough. */
const DIVIDE = `
  WITH mine AS (
    SELECT shard, hour FROM hours WHERE shard = $1::smallint AND hour = $2::timestamptz AND divided_at IS NULL
      AND frozen_at IS NULL FOR UPDATE SKIP LOCKED
  ), shares AS (
    INSERT INTO account_hours (account_no, shard, hour)
    SELECT a.account_no, mine.shard, mine.hour FROM mine CROSS JOIN accounts a CROSS JOIN LATERAL (
      SELECT 1 FROM hour_usage u JOIN instances i USING (instance_no)
      WHERE u.shard = mine.shard AND u.bill_hour = mine.hour AND i.account_no = a.account_no
      UNION ALL SELECT 1 FROM instances i WHERE a.hour_slots AND i.account_no = a.account_no AND i.shard = mine.shard LIMIT 1
    ) usage
    RETURNING account_no
  ), noted AS (
    UPDATE hours h SET divided_at = $3::timestamptz,
      frozen_at = CASE WHEN NOT EXISTS (SELECT 1 FROM shares) THEN $3::timestamptz END
    FROM mine WHERE h.shard = mine.shard AND h.hour = mine.hour RETURNING 1
  )
  SELECT count(*)::integer AS divided FROM noted`;

/**
 * An account's oldest unfrozen hour of each shard: in order, because chain and residue continue from hour to hour.
 */
export async function findFreezeWork(db: Db, accountNo: number): Promise<FreezeWork[]> {
  const { rows } = await db.query<FreezeWork>(
    `SELECT DISTINCT ON (shard) account_no AS "accountNo", shard, hour, frozen_through AS "frozenThrough"
     FROM account_hours WHERE account_no = $1::smallint AND frozen_at IS NULL ORDER BY shard, hour`,
    [accountNo],
  );
  return rows;
}

/** Locks the hour for this transaction; undefined if another reporter has it or it is done. */
export async function lockFreezeWork(
  db: Db,
  { accountNo, shard, hour }: FreezeWork,
): Promise<FreezeWork | undefined> {
  const { rows } = await db.query<FreezeWork>(
    `SELECT account_no AS "accountNo", shard, hour, frozen_through AS "frozenThrough" FROM account_hours
     WHERE account_no = $1::smallint AND shard = $2::smallint AND hour = $3::timestamptz AND frozen_at IS NULL
     FOR UPDATE SKIP LOCKED`,
    [accountNo, shard, stamp(hour)],
  );
  return rows[0];
}

/**
 * Records how far the freezing of an account's hour has got; `done` ends it, and the last account's ends the hour.
 */
export async function advanceFreeze(
  db: Db,
  work: FreezeWork,
  through: number,
  done: boolean,
  now: Micros,
): Promise<void> {
  const { accountNo, shard } = work;
  const hour = stamp(work.hour);
  await db.query(
    `UPDATE account_hours SET frozen_through = $4::integer, frozen_at = CASE WHEN $5::boolean THEN $6::timestamptz END
     WHERE account_no = $1::smallint AND shard = $2::smallint AND hour = $3::timestamptz`,
    [accountNo, shard, hour, through, done, stamp(now)],
  );
  if (!done) return;
  // Serialized, so that if two accounts end at the same time, the second sees that the first has ended.
  await db.query("SELECT FROM hours WHERE shard = $1::smallint AND hour = $2::timestamptz FOR UPDATE", [
    shard,
    hour,
  ]);
  await db.query(
    `UPDATE hours SET frozen_at = $3::timestamptz WHERE shard = $1::smallint AND hour = $2::timestamptz AND NOT EXISTS (
       SELECT 1 FROM account_hours a WHERE a.shard = $1::smallint AND a.hour = $2::timestamptz AND a.frozen_at IS NULL)`,
    [shard, hour, stamp(now)],
  );
}

/** A shard's hour as named in an export. */
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
  await db.query(
    `UPDATE account_hours a SET frozen_at = h.frozen_at FROM hours h
     WHERE h.hour = $1::timestamptz AND a.hour = h.hour AND a.shard = h.shard AND a.frozen_at IS NULL`,
    [stamp(hour)],
  );
  await db.query("UPDATE shards SET sealed_before = $1::timestamptz WHERE sealed_before < $1::timestamptz", [
    stamp(hour + HOUR),
  ]);
}

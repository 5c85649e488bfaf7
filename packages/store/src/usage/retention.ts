import { KEEP_DAYS, type Micros } from "@quarterpast/domain";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";

/** How long event identities are kept, and since when the ledger has events without gaps. */
export interface Retention {
  keepDays: number;
  /** Earlier hours may lack events here: their exports prove them. Null while nothing was removed. */
  eventsSince: Micros | null;
}

/** How long identities are kept; the default if it was never set. */
export async function readRetention(db: Db): Promise<Retention> {
  const { rows } = await db.query<Retention>(
    `SELECT keep_days AS "keepDays", events_since AS "eventsSince" FROM retention`,
  );
  return rows[0] ?? { keepDays: KEEP_DAYS.usual, eventsSince: null };
}

/** Sets how long identities are kept: collectors follow within seconds. */
export async function setRetention(db: Db, keepDays: number): Promise<void> {
  await db.query(
    `INSERT INTO retention (keep_days) VALUES ($1::integer)
     ON CONFLICT (only_row) DO UPDATE SET keep_days = excluded.keep_days WHERE retention.keep_days <> excluded.keep_days`,
    [keepDays],
  );
}

/** Records, before events are removed, that hours before this one may lack some. */
export async function noteRemoved(db: Db, since: Micros): Promise<void> {
  await db.query("UPDATE retention SET events_since = greatest(events_since, $1::timestamptz)", [
    stamp(since),
  ]);
}

/**
 * The time before which nothing of an hour is needed any longer: not after `wanted`, the first open hour, the first
 * unfrozen one, and, if hours are proven, the last proven one.
 */
export async function readHorizon(db: Db, wanted: Micros): Promise<Micros> {
  const { rows } = await db.query<{ horizon: Micros }>(
    `SELECT least($1::timestamptz, (SELECT min(sealed_before) FROM shards),
       (SELECT min(hour) FROM hours WHERE frozen_at IS NULL),
       (SELECT min(last) FROM (SELECT max(hour) AS last FROM manifests GROUP BY account_no) m)) AS horizon`,
    [stamp(wanted)],
  );
  return rows[0]!.horizon;
}

/** A partition of the events whose keys are UUIDv7 of one week. */
export interface Week {
  name: string;
  /** When its first and its last id can have been made, real time. */
  from: Micros;
  to: Micros;
}

const WEEK: Micros = 7 * 86_400_000_000;
const PREFIX = "events_timed_w";
/** Creating and dropping a partition briefly locks all of them: rather postpone it than block others. */
const LOCK_TIMEOUT = "SET LOCAL lock_timeout = '2s'";
/** One at a time, across all processes. */
const ONE = "SELECT pg_advisory_xact_lock(24226)";

/** The week that contains a time. Weeks are counted from 1970-01-01. */
export function weekOf(at: Micros): Week {
  const number = Math.floor(at / WEEK);
  return { name: `${PREFIX}${number}`, from: number * WEEK, to: (number + 1) * WEEK };
}

/** The lowest key of ids made at a time. */
function keyAt(at: Micros): string {
  const hex = Math.floor(at / 1_000)
    .toString(16)
    .padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** The weeks that have a partition, oldest first. */
export async function listWeeks(db: Db): Promise<Week[]> {
  const { rows } = await db.query<{ name: string }>(
    "SELECT relid::regclass::text AS name FROM pg_partition_tree('events_timed') WHERE isleaf",
  );
  return rows
    .filter(({ name }) => name.startsWith(PREFIX))
    .map(({ name }) => weekOf(Number(name.slice(PREFIX.length)) * WEEK))
    .sort((a, b) => a.from - b.from);
}

/** Creates partitions for this week and the next: before its time a week is empty, so creating it moves nothing. */
export async function ensureWeeks(pool: Pool, real: Micros): Promise<void> {
  const present = new Set((await listWeeks(pool)).map(({ name }) => name));
  for (const at of [real, real + WEEK]) {
    const week = weekOf(at);
    if (!present.has(week.name)) await addWeek(pool, week);
  }
}

async function addWeek(pool: Pool, { name, from, to }: Week): Promise<void> {
  await inTransaction(pool, async (db) => {
    await db.query(LOCK_TIMEOUT);
    await db.query(ONE);
    if ((await listWeeks(db)).some((week) => week.name === name)) return;
    await db.query("LOCK TABLE events_timed_rest IN ACCESS EXCLUSIVE MODE");
    await db.query(`CREATE TABLE ${name} (LIKE events_timed_rest INCLUDING ALL)`);
    await db.query(
      `WITH moved AS (DELETE FROM events_timed_rest WHERE key >= $1::uuid AND key < $2::uuid RETURNING *)
       INSERT INTO ${name} SELECT * FROM moved`,
      [keyAt(from), keyAt(to)],
    );
    await db.query(
      `ALTER TABLE events_timed ATTACH PARTITION ${name} FOR VALUES FROM ('${keyAt(from)}') TO ('${keyAt(to)}')`,
    );
  });
}

/** Rows that outlive their week: waiting events, corrected ones and correcting ones. */
const KEPT = `instance_no IS NULL OR EXISTS (SELECT FROM corrections c WHERE c.source_no = e.source_no
  AND (c.key = e.key OR c.target_key = e.key))`;

/**
 * Drops a week's whole partition, if every hour that its events are billed in is before `horizon`; moves what must
 * stay to the rest. @returns the end of the last hour it billed, or undefined if it cannot be dropped yet
 */
export async function dropWeek(pool: Pool, { name }: Week, horizon: Micros): Promise<Micros | undefined> {
  return inTransaction(pool, async (db) => {
    await db.query(LOCK_TIMEOUT);
    await db.query(ONE);
    if (!(await listWeeks(db)).some((week) => week.name === name)) return undefined;
    const { rows } = await db.query<{ last: Micros | null }>(
      `SELECT max(billed_in(bill_hour, occurred)) + interval '1 hour' AS last FROM ${name} WHERE instance_no IS NOT NULL`,
    );
    const last = rows[0]!.last ?? 0;
    if (last > horizon) return undefined;
    await db.query(`ALTER TABLE events_timed DETACH PARTITION ${name}`);
    await db.query(`INSERT INTO events_timed_rest SELECT * FROM ${name} e WHERE ${KEPT}`);
    await db.query(`DROP TABLE ${name}`);
    return last;
  });
}

/** Tables of events that are thinned row by row. */
export const THINNED = [
  "events_timed_rest",
  ...Array.from({ length: 4 }, (_, part) => `events_hashed_${part}`),
] as const;

/** Deletes up to `limit` events of a table that occurred, and are billed in hours, before the given times. @returns how many */
export async function thinEvents(
  db: Db,
  table: (typeof THINNED)[number],
  { occurred, horizon, limit }: { occurred: Micros; horizon: Micros; limit: number },
): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT e.ctid FROM ${table} e
       WHERE e.occurred < to_timestamp($1::float8) AND billed_in(e.bill_hour, e.occurred) < to_timestamp($2::float8)
         AND NOT (${KEPT}) LIMIT $3::integer))`,
    [occurred / 1e6, horizon / 1e6, limit],
  );
  return rowCount ?? 0;
}

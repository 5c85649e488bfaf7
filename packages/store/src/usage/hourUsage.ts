import type { FoldedBatch, Micros } from "@quarterpast/domain";
import { int4Array, numericArray, timestamptzArray } from "../db/binaryArray.js";
import { stamp, stamps, type Db } from "../db/database.js";
import { addMaxima, addUniques } from "./standing.js";

/**
 * Takes the shards' locks shared, in ascending order, and reads their first open hour in the next statement (SPEC 4).
 * Until the transaction ends no sealer can seal an hour of these shards.
 * @returns per shard, the hour before which everything is sealed.
 */
export async function lockOpenHours(db: Db, shards: readonly number[]): Promise<Map<number, Micros>> {
  const sorted = [...new Set(shards)].sort((a, b) => a - b);
  if (sorted.length === 0) return new Map();
  await db.query(
    "SELECT pg_advisory_xact_lock_shared($1::integer, shard) FROM unnest($2::integer[]) AS shard",
    [SHARD_LOCK, sorted],
  );
  const { rows } = await db.query<{ shard: number; sealedBefore: Micros }>(
    `SELECT shard, sealed_before AS "sealedBefore" FROM shards WHERE shard = ANY ($1::smallint[])`,
    [sorted],
  );
  return new Map(rows.map(({ shard, sealedBefore }) => [shard, sealedBefore]));
}

/** Class of the advisory locks for shards. */
export const SHARD_LOCK = 0x5ea1;

/** Adds a folded batch: sums and counts directly, `max` and `unique` compared with their standing values. */
export async function addUsage(db: Db, folded: FoldedBatch): Promise<void> {
  const maxima = await addMaxima(db, folded);
  const uniques = await addUniques(db, folded);
  const additions = [...folded.additions, ...maxima, ...uniques];
  if (additions.length === 0) return;
  additions.sort(
    (a, b) =>
      a.shard - b.shard ||
      a.billHour - b.billHour ||
      a.instanceNo - b.instanceNo ||
      a.originHour - b.originHour,
  );
  await db.query({
    name: "add usage",
    text: `INSERT INTO hour_usage AS u (shard, bill_hour, instance_no, origin_hour, quantity, events)
     SELECT unnest($1::integer[]), unnest($2::timestamptz[]), unnest($3::integer[]), unnest($4::timestamptz[]),
       unnest($5::numeric[]), unnest($6::integer[])
     ON CONFLICT (shard, bill_hour, instance_no, origin_hour)
     DO UPDATE SET quantity = u.quantity + excluded.quantity, events = u.events + excluded.events`,
    values: [
      int4Array(additions.map((row) => row.shard)),
      timestamptzArray(additions.map((row) => row.billHour)),
      int4Array(additions.map((row) => row.instanceNo)),
      timestamptzArray(additions.map((row) => row.originHour)),
      numericArray(additions.map((row) => row.quantity)),
      int4Array(additions.map((row) => row.events)),
    ],
  });
}

/** Deletes what the backup had for an account's hour: the export has all of it, and more. */
export async function clearOpenUsage(db: Db, accountNo: number, hour: Micros): Promise<void> {
  await db.query(
    `DELETE FROM hour_usage u USING instances i, shards s WHERE i.instance_no = u.instance_no AND s.shard = u.shard
       AND i.account_no = $1::smallint AND u.bill_hour = $2::timestamptz AND s.sealed_before <= $2::timestamptz`,
    [accountNo, stamp(hour)],
  );
}

/** Usage of an instance's hour as named in an export. */
export interface RestoredUsage {
  instance: string;
  origin: Micros;
  quantity: string;
  events: number;
}

/** Restores an hour's usage; what a sealed shard holds is unchanged. */
export async function restoreUsage(
  db: Db,
  accountNo: number,
  hour: Micros,
  rows: readonly RestoredUsage[],
): Promise<void> {
  await db.query(
    `INSERT INTO hour_usage (shard, bill_hour, instance_no, origin_hour, quantity, events)
     SELECT i.shard, $2::timestamptz, i.instance_no, t.origin, t.quantity, t.events
     FROM unnest($3::text[], $4::timestamptz[], $5::numeric[], $6::bigint[]) AS t (instance, origin, quantity, events)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance
     JOIN shards s ON s.shard = i.shard AND s.sealed_before <= $2::timestamptz`,
    [
      accountNo,
      stamp(hour),
      rows.map(({ instance }) => instance),
      stamps(rows.map(({ origin }) => origin)),
      rows.map(({ quantity }) => quantity),
      rows.map(({ events }) => events),
    ],
  );
}

import type { FoldedBatch, HourAddition, Micros } from "@quarterpast/domain";
import { int4Array, numericArray, timestamptzArray } from "../db/binaryArray.js";
import { stamp, stamps, type Db } from "../db/database.js";

/**
 * Takes the shards' locks shared, in ascending order, and reads their first open hour in the next statement
 * (SPEC 4). Until the transaction ends no sealer can flip an hour of them.
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

/** Class of the advisory locks that stand for shards. */
export const SHARD_LOCK = 0x5ea1;

/** Adds what a batch folded to: sums and counts as they are, `max` and `unique` against their standing values. */
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

async function addMaxima(db: Db, { maxima }: FoldedBatch): Promise<HourAddition[]> {
  if (maxima.length === 0) return [];
  const { rows } = await db.query<{ added: string; instanceNo: number; originHour: Micros }>(
    `INSERT INTO standing_max AS s (instance_no, origin_hour, value)
     SELECT * FROM unnest($1::integer[], $2::timestamptz[], $3::numeric[]) AS t (i, h, v) ORDER BY i, h
     ON CONFLICT (instance_no, origin_hour) DO UPDATE SET previous = s.value, value = greatest(s.value, excluded.value)
     RETURNING instance_no AS "instanceNo", origin_hour AS "originHour", value - previous AS added`,
    [
      maxima.map((row) => row.instanceNo),
      stamps(maxima.map((row) => row.originHour)),
      maxima.map((row) => row.quantity),
    ],
  );
  return withAdded(maxima, rows);
}

async function addUniques(db: Db, { uniques }: FoldedBatch): Promise<HourAddition[]> {
  if (uniques.length === 0) return [];
  const flat = uniques.flatMap((row) => row.valueKeys.map((valueKey) => ({ ...row, valueKey })));
  const { rows } = await db.query<{ added: string; instanceNo: number; originHour: Micros }>(
    `WITH fresh AS (
       INSERT INTO standing_values (instance_no, origin_hour, value_key)
       SELECT * FROM unnest($1::integer[], $2::timestamptz[], $3::uuid[]) AS t (i, h, k) ORDER BY i, h, k
       ON CONFLICT DO NOTHING RETURNING instance_no, origin_hour
     )
     SELECT instance_no AS "instanceNo", origin_hour AS "originHour", count(*)::text AS added FROM fresh GROUP BY 1, 2`,
    [
      flat.map((row) => row.instanceNo),
      stamps(flat.map((row) => row.originHour)),
      flat.map((row) => row.valueKey),
    ],
  );
  return withAdded(uniques, rows);
}

function withAdded(
  candidates: readonly HourAddition[],
  rows: readonly { added: string; instanceNo: number; originHour: Micros }[],
): HourAddition[] {
  const added = new Map(rows.map((row) => [`${row.instanceNo} ${row.originHour}`, row.added]));
  return candidates.map(({ shard, billHour, instanceNo, originHour, events }) => {
    const quantity = added.get(`${instanceNo} ${originHour}`) ?? "0";
    return { shard, billHour, instanceNo, originHour, events, quantity };
  });
}

/** What became of one journal entry: proof that its events are in the ledger. */
export interface Receipt {
  collectorNo: number;
  seq: number;
  counted: number;
  duplicates: number;
  conflicts: number;
  quarantined: number;
}

/** That something of a source was heard in an hour; an expected source that was not makes the hour incomplete. */
export interface Heard {
  sourceNo: number;
  meter: string;
  hour: Micros;
}

/**
 * Writes the receipt of an entry and what was heard in it; a second one for the same entry is the same event batch again
 * and changes nothing.
 */
export async function insertReceipt(
  db: Db,
  receipt: Receipt,
  heard: readonly Heard[],
  now: Micros,
): Promise<void> {
  await db.query({
    name: "insert receipt",
    text: `WITH heard_now AS (
       INSERT INTO heard (source_no, meter, hour)
       SELECT DISTINCT * FROM unnest($8::integer[], $9::text[], $10::timestamptz[]) AS t (s, m, h) ORDER BY s, m, h
       ON CONFLICT DO NOTHING
     )
     INSERT INTO receipts (collector_no, seq, counted, duplicates, conflicts, quarantined, committed_at)
     VALUES ($1::integer, $2::bigint, $3::integer, $4::integer, $5::integer, $6::integer, $7::timestamptz) ON CONFLICT DO NOTHING`,
    values: [
      receipt.collectorNo,
      receipt.seq,
      receipt.counted,
      receipt.duplicates,
      receipt.conflicts,
      receipt.quarantined,
      stamp(now),
      int4Array(heard.map((row) => row.sourceNo)),
      heard.map((row) => row.meter),
      timestamptzArray(heard.map((row) => row.hour)),
    ],
  });
}

import { DAY, type Micros } from "@quarterpast/domain";
import { int4Array, timestamptzArray } from "../db/binaryArray.js";
import { stamp, stamps, type Db } from "../db/database.js";

/** The number of a collector; its name stays with its journal, so that a restarted collector keeps its number. */
export async function registerCollector(
  db: Db,
  name: string,
  watermark: Micros,
  real: Micros,
): Promise<number> {
  const back = await db.query<{ no: number }>(
    `UPDATE collectors SET beat_at = $2::timestamptz, left_at = NULL WHERE name = $1::text RETURNING collector_no AS no`,
    [name, stamp(real)],
  );
  if (back.rows[0]) return back.rows[0].no;
  // Only if there is none, because each try uses up a number.
  const { rows } = await db.query<{ no: number }>(
    `INSERT INTO collectors (name, watermark, beat_at) VALUES ($1::text, $2::timestamptz, $3::timestamptz)
     ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at, left_at = NULL RETURNING collector_no AS no`,
    [name, stamp(watermark), stamp(real)],
  );
  return rows[0]!.no;
}

/** Which of the entries from `fromSeq` on have receipts, ascending. */
export async function readReceipts(db: Db, collectorNo: number, fromSeq: number): Promise<number[]> {
  const { rows } = await db.query<{ seq: number }>(
    "SELECT seq FROM receipts WHERE collector_no = $1::integer AND seq >= $2::bigint ORDER BY seq",
    [collectorNo, fromSeq],
  );
  return rows.map((row) => row.seq);
}

/** Moves a collector's watermark (product time; never back): all it acknowledged before it has receipts. */
export async function writeWatermark(
  db: Db,
  collectorNo: number,
  watermark: Micros,
  real: Micros,
  left: boolean,
): Promise<void> {
  await db.query(
    `UPDATE collectors SET watermark = greatest(watermark, $2::timestamptz), beat_at = $3::timestamptz,
       left_at = CASE WHEN $4::boolean THEN $3::timestamptz END WHERE collector_no = $1::integer`,
    [collectorNo, stamp(watermark), stamp(real), left],
  );
}

/** A collector that was silent for this long counts as gone: it no longer makes hours incomplete. */
const GONE_AFTER: Micros = DAY;

/** The lowest watermark of the collectors that have not left; undefined if there are none. */
export async function lowestWatermark(db: Db, real: Micros): Promise<Micros | undefined> {
  const { rows } = await db.query<{ lowest: Micros | null }>(
    "SELECT min(watermark) AS lowest FROM collectors WHERE left_at IS NULL AND beat_at > $1::timestamptz",
    [stamp(real - GONE_AFTER)],
  );
  return rows[0]!.lowest ?? undefined;
}

/** The result of one journal entry: proof that its events are in the ledger. */
export interface Receipt {
  collectorNo: number;
  seq: number;
  counted: number;
  duplicates: number;
  conflicts: number;
  quarantined: number;
}

/** That a source was heard in an hour; an expected source that was not heard makes the hour incomplete. */
export interface Heard {
  sourceNo: number;
  meter: string;
  hour: Micros;
}

/**
 * Writes the receipt of an entry and what was heard in it; a second one for the same entry is a repeat of the batch
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

/** Records what was heard in restored hours. */
export async function insertHeard(db: Db, heard: readonly Heard[]): Promise<void> {
  await db.query(
    `INSERT INTO heard (source_no, meter, hour)
     SELECT DISTINCT * FROM unnest($1::integer[], $2::text[], $3::timestamptz[]) ON CONFLICT DO NOTHING`,
    [
      heard.map(({ sourceNo }) => sourceNo),
      heard.map(({ meter }) => meter),
      stamps(heard.map(({ hour }) => hour)),
    ],
  );
}

const PAST = [
  // Keeps the last time that a source was heard.
  `DELETE FROM heard WHERE ctid = ANY (ARRAY(SELECT h.ctid FROM heard h WHERE h.hour < $1::timestamptz AND EXISTS (SELECT
      FROM heard l WHERE l.source_no = h.source_no AND l.meter = h.meter AND l.hour > h.hour) LIMIT $2::integer))`,
  // Keeps what a collector that was down for long asks for: receipts after its watermark, and those of a segment
  // begun before it.
  `DELETE FROM receipts WHERE ctid = ANY (ARRAY(SELECT r.ctid FROM receipts r JOIN collectors c USING (collector_no)
      WHERE r.committed_at < least($1::timestamptz, c.watermark - interval '2 hours' * COALESCE((SELECT greatest(1, rate) FROM clock), 1))
      LIMIT $2::integer))`,
];

/** Removes expired receipts and records of what was heard. @returns how many rows */
export async function thinHeard(db: Db, before: Micros, limit: number): Promise<number> {
  let removed = 0;
  for (const sql of PAST) removed += (await db.query(sql, [stamp(before), limit])).rowCount ?? 0;
  return removed;
}

import { DAY, type Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/** The number of a collector; its name stays with its journal, so that a restart is the same collector. */
export async function registerCollector(
  db: Db,
  name: string,
  watermark: Micros,
  real: Micros,
): Promise<number> {
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

/** A collector of which nothing was heard for this long is taken for gone: it no longer makes hours incomplete. */
const GONE_AFTER: Micros = DAY;

/** The lowest watermark of the collectors that have not left; undefined where none is there. */
export async function lowestWatermark(db: Db, real: Micros): Promise<Micros | undefined> {
  const { rows } = await db.query<{ lowest: Micros | null }>(
    "SELECT min(watermark) AS lowest FROM collectors WHERE left_at IS NULL AND beat_at > $1::timestamptz",
    [stamp(real - GONE_AFTER)],
  );
  return rows[0]!.lowest ?? undefined;
}

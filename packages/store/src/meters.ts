import type { Meter, Micros } from "@quarterpast/domain";
import { stamp, type Db } from "./db.js";

export interface StoredMeter extends Meter {
  meterNo: number;
}

const COLUMNS = `meter_no AS "meterNo", code, aggregation, unit, scale`;

/** All meters by code. */
export async function listMeters(db: Db): Promise<StoredMeter[]> {
  const { rows } = await db.query<StoredMeter>(`SELECT ${COLUMNS} FROM meters ORDER BY code`);
  return rows;
}

/** Adds a meter; returns the one that has the code, new or not: a meter never changes what it counts. */
export async function ensureMeter(
  db: Db,
  meter: Meter,
  now: Micros,
): Promise<{ meter: StoredMeter; created: boolean }> {
  const inserted = await db.query<StoredMeter>(
    `INSERT INTO meters (code, aggregation, unit, scale, created_at)
     VALUES ($1::text, $2::text, $3::text, $4::smallint, $5::timestamptz) ON CONFLICT (code) DO NOTHING RETURNING ${COLUMNS}`,
    [meter.code, meter.aggregation, meter.unit, meter.scale, stamp(now)],
  );
  if (inserted.rows[0]) return { meter: inserted.rows[0], created: true };
  const { rows } = await db.query<StoredMeter>(`SELECT ${COLUMNS} FROM meters WHERE code = $1::text`, [
    meter.code,
  ]);
  return { meter: rows[0]!, created: false };
}

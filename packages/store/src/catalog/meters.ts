import type { Meter, Micros } from "@quarterpast/domain";
import { writeAudit, type SellerActor } from "./audit.js";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";

export interface StoredMeter extends Meter {
  meterNo: number;
}

const COLUMNS = `meter_no AS "meterNo", code, aggregation, unit, scale`;

/** All meters by code. */
export async function listMeters(db: Db): Promise<StoredMeter[]> {
  const { rows } = await db.query<StoredMeter>(`SELECT ${COLUMNS} FROM meters ORDER BY code`);
  return rows;
}

/** Adds a meter; returns the one with this code, new or not: a meter never changes what it counts. */
export async function ensureMeter(
  db: Db,
  meter: Meter,
  now: Micros,
): Promise<{ meter: StoredMeter; created: boolean }> {
  const known = await findMeter(db, meter.code);
  if (known) return { meter: known, created: false };
  // Only if there is none, because each try uses up a number.
  const inserted = await db.query<StoredMeter>(
    `INSERT INTO meters (code, aggregation, unit, scale, created_at)
     VALUES ($1::text, $2::text, $3::text, $4::smallint, $5::timestamptz) ON CONFLICT (code) DO NOTHING RETURNING ${COLUMNS}`,
    [meter.code, meter.aggregation, meter.unit, meter.scale, stamp(now)],
  );
  const [made] = inserted.rows;
  return made
    ? { meter: made, created: true }
    : { meter: (await findMeter(db, meter.code))!, created: false };
}

async function findMeter(db: Db, code: string): Promise<StoredMeter | undefined> {
  const { rows } = await db.query<StoredMeter>(`SELECT ${COLUMNS} FROM meters WHERE code = $1::text`, [code]);
  return rows[0];
}

/**
 * Gives a meter more decimals; never fewer, because counted quantities have them already. Events that wait for this
 * are then counted. @returns the meter afterwards, and whether it changed; undefined if there is none.
 */
export async function raiseScale(
  pool: Pool,
  actor: SellerActor,
  code: string,
  scale: number,
  now: Micros,
): Promise<{ meter: StoredMeter; raised: boolean } | undefined> {
  return inTransaction(pool, async (db) => {
    const { rows } = await db.query<StoredMeter>(
      `SELECT ${COLUMNS} FROM meters WHERE code = $1::text FOR UPDATE`,
      [code],
    );
    const before = rows[0];
    if (!before || scale <= before.scale) return before && { meter: before, raised: false };
    await db.query("UPDATE meters SET scale = $2::smallint WHERE code = $1::text", [code, scale]);
    const change = { before: { scale: before.scale }, after: { scale } };
    await writeAudit(db, actor, { act: "meters.rescale", ref: code, ...change }, now);
    return { meter: { ...before, scale }, raised: true };
  });
}

import type { Micros } from "@quarterpast/domain";
import type { Pool } from "@quarterpast/store";

/** Settings of Postgres by name, as this session has them. */
export async function readSettings(pool: Pool, names: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ name: string; setting: string }>(
    "SELECT name, setting FROM pg_settings WHERE name = ANY ($1::text[])",
    [names],
  );
  return new Map(rows.map(({ name, setting }) => [name, setting]));
}

export interface CollectorState {
  name: string;
  /** Product time. */
  watermark: Micros;
  /** Real milliseconds since it last wrote its watermark, by the database's clock. */
  silentMs: number;
  hasLeft: boolean;
}

export async function readCollectors(pool: Pool): Promise<CollectorState[]> {
  const { rows } = await pool.query<CollectorState>(
    `SELECT name, watermark, (extract(epoch FROM clock_timestamp() - beat_at) * 1000)::float8 AS "silentMs",
       left_at IS NOT NULL AS "hasLeft" FROM collectors ORDER BY name`,
  );
  return rows;
}

/** Sealed hours whose records are not all frozen yet. */
export async function readFreezeBacklog(
  pool: Pool,
): Promise<{ hours: number; oldestSealedAt: Micros | null; oldestHour: Micros | null }> {
  const { rows } = await pool.query<{
    hours: number;
    oldestSealedAt: Micros | null;
    oldestHour: Micros | null;
  }>(
    `SELECT count(DISTINCT hour) AS hours, min(sealed_at) AS "oldestSealedAt", min(hour) AS "oldestHour"
     FROM hours WHERE frozen_at IS NULL`,
  );
  return rows[0]!;
}

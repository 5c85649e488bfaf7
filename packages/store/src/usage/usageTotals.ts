import { HOUR, SHARDS, type Micros } from "@quarterpast/domain";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";

/** Shards with sealed hours that are not in the totals yet: one statement, for a look that mostly finds nothing. */
export async function shardsToAdd(db: Db): Promise<number[]> {
  const { rows } = await db.query<{ shard: number }>(
    `SELECT shard FROM shards s LEFT JOIN usage_total_marks k USING (shard)
     WHERE k.through IS NULL OR k.through < s.sealed_before ORDER BY shard`,
  );
  return rows.map(({ shard }) => shard);
}

/**
 * Adds the next sealed hour of a shard to the totals of its instances. A sealed hour never changes, so each is added
 * once, in order.
 * @returns whether there was one; call again while there is.
 */
export async function addSealedHour(pool: Pool, shard: number): Promise<boolean> {
  return inTransaction(pool, async (db) => {
    const { rows } = await db.query<{ through: Micros; sealedBefore: Micros }>(
      `SELECT through, sealed_before AS "sealedBefore" FROM usage_total_marks JOIN shards USING (shard)
       WHERE shard = $1::smallint FOR UPDATE OF usage_total_marks SKIP LOCKED`,
      [shard],
    );
    const mark = rows[0];
    if (!mark || mark.through >= mark.sealedBefore) return false;
    const hour = await nextHourWithUsage(db, shard, mark.through, mark.sealedBefore);
    if (hour !== undefined) {
      await db.query(
        `INSERT INTO usage_totals AS t (instance_no, quantity)
         SELECT instance_no, sum(quantity) FROM hour_usage WHERE shard = $1::smallint AND bill_hour = $2::timestamptz
         GROUP BY instance_no ORDER BY instance_no
         ON CONFLICT (instance_no) DO UPDATE SET quantity = t.quantity + excluded.quantity`,
        [shard, stamp(hour)],
      );
    }
    const through = hour === undefined ? mark.sealedBefore : hour + HOUR;
    await db.query("UPDATE usage_total_marks SET through = $2::timestamptz WHERE shard = $1::smallint", [
      shard,
      stamp(through),
    ]);
    return through < mark.sealedBefore;
  });
}

async function nextHourWithUsage(
  db: Db,
  shard: number,
  from: Micros,
  before: Micros,
): Promise<Micros | undefined> {
  const { rows } = await db.query<{ hour: Micros | null }>(
    `SELECT min(bill_hour) AS hour FROM hour_usage
     WHERE shard = $1::smallint AND bill_hour >= $2::timestamptz AND bill_hour < $3::timestamptz`,
    [shard, stamp(from), stamp(before)],
  );
  return rows[0]?.hour ?? undefined;
}

/** Inserts missing marks of shards, before the first hour with usage. */
export async function ensureTotalMarks(db: Db): Promise<void> {
  await db.query(
    `INSERT INTO usage_total_marks (shard, through)
     SELECT s.shard, COALESCE((SELECT min(bill_hour) FROM hour_usage u WHERE u.shard = s.shard), s.sealed_before)
     FROM shards s WHERE s.shard < $1::integer ON CONFLICT DO NOTHING`,
    [SHARDS],
  );
}

/** Usage of an instance up to now: decimal text. */
export interface InstanceUsage {
  instanceId: string;
  instanceNo: number;
  /** Over its whole life. */
  total: string;
}

/**
 * Cumulative usage of instances, using only primary keys: the totals, and the few hours since.
 * @param until product time: the current hour is the last one read.
 */
export async function readInstanceUsage(
  db: Db,
  accountNo: number,
  instanceIds: readonly string[],
  until: Micros,
): Promise<InstanceUsage[]> {
  const { rows } = await db.query<InstanceUsage>(
    `SELECT i.instance_id AS "instanceId", i.instance_no AS "instanceNo",
       trim_scale(COALESCE(t.quantity, 0) + COALESCE(o.quantity, 0))::text AS total
     FROM instances i
     LEFT JOIN usage_totals t USING (instance_no)
     LEFT JOIN usage_total_marks k USING (shard)
     LEFT JOIN LATERAL (
       SELECT sum(u.quantity) AS quantity
       FROM generate_series(COALESCE(k.through, date_trunc('hour', i.opened)), $3::timestamptz, '1 hour') AS g
       JOIN hour_usage u ON u.shard = i.shard AND u.bill_hour = g AND u.instance_no = i.instance_no
     ) o ON true
     WHERE i.account_no = $1::smallint AND i.instance_id = ANY ($2::text[])`,
    [accountNo, instanceIds, stamp(until)],
  );
  return rows;
}

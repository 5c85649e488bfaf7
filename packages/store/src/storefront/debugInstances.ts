import type { Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/** The instance id for a debugging call's order: the first one it named, stored apart from all production rows. */
export async function reserveDebugInstance(
  db: Db,
  wanted: { accountNo: number; orderId: string; item: string; businessId: string },
  now: Micros,
): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    `INSERT INTO debug_instances AS d (account_no, order_id, item, instance_id, created_at)
     VALUES ($1::smallint, $2::text, $3::text, $4::text, $5::timestamptz)
     ON CONFLICT (account_no, order_id, item) DO UPDATE SET instance_id = d.instance_id RETURNING instance_id AS id`,
    [wanted.accountNo, wanted.orderId, wanted.item, wanted.businessId, stamp(now)],
  );
  return rows[0]!.id;
}

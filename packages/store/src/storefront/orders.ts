import type { Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/** Stores an order as the marketplace returned it. */
export async function keepOrder(
  db: Db,
  order: { accountNo: number; orderId: string; line: string; reply: string },
  now: Micros,
): Promise<void> {
  await db.query(
    `INSERT INTO orders (account_no, order_id, line, reply, fetched_at)
     VALUES ($1::smallint, $2::text, $3::text, $4::text, $5::timestamptz)
     ON CONFLICT (account_no, order_id, line) DO UPDATE SET reply = excluded.reply, fetched_at = excluded.fetched_at`,
    [order.accountNo, order.orderId, order.line, order.reply, stamp(now)],
  );
}

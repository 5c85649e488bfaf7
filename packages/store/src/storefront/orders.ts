import type { Micros, WaitsFor } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/** Keeps an order as the marketplace told it. */
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

/** What a person has to settle. */
export interface Case {
  kind: WaitsFor;
  ref: string;
  detail: string;
}

/** Raises a case, once while it stands. */
export async function raiseCase(db: Db, accountNo: number, wanted: Case, now: Micros): Promise<void> {
  await db.query(
    `INSERT INTO cases (account_no, kind, ref, detail, opened_at)
     VALUES ($1::smallint, $2::text, $3::text, $4::text, $5::timestamptz) ON CONFLICT DO NOTHING`,
    [accountNo, wanted.kind, wanted.ref, wanted.detail, stamp(now)],
  );
}

/** Resolves what stands of an instance; all of it, or one kind less. */
export async function resolveCases(
  db: Db,
  accountNo: number,
  ref: string,
  now: Micros,
  except = "",
): Promise<void> {
  await db.query(
    `UPDATE cases SET resolved_at = $3::timestamptz
     WHERE account_no = $1::smallint AND ref = $2::text AND resolved_at IS NULL AND kind <> $4::text`,
    [accountNo, ref, stamp(now), except],
  );
}

/** The instance id of a debugging call's order: the first one it named, apart from all production rows. */
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

import { floorSecond, SECOND, type Interval, type Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import { jsonb } from "../db/json.js";
import type { Subscription } from "./subscriptions.js";

export type LifeEventKind = "opened" | "refreshed" | "frozen" | "unfrozen" | "upgraded" | "released";

/**
 * Notes what happened to a subscription. What names an order happens once by it.
 * @returns whether it is news.
 */
export async function addLifeEvent(
  db: Db,
  event: { subscriptionNo: number; kind: LifeEventKind; orderRef?: string; detail?: object },
  now: Micros,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO subscription_events (subscription_no, kind, order_ref, detail, at)
     VALUES ($1::bigint, $2::text, $3::text, $4::jsonb, $5::timestamptz) ON CONFLICT DO NOTHING`,
    [event.subscriptionNo, event.kind, event.orderRef ?? "", jsonb(event.detail ?? {}), stamp(now)],
  );
  return rowCount === 1;
}

export interface LifeEvent {
  kind: LifeEventKind;
  orderRef: string;
  detail: Record<string, unknown>;
  at: Micros;
}

/** All that happened to a subscription, in order. */
export async function listLifeEvents(db: Db, subscriptionNo: number): Promise<LifeEvent[]> {
  const { rows } = await db.query<LifeEvent>(
    `SELECT kind, order_ref AS "orderRef", detail, at FROM subscription_events
     WHERE subscription_no = $1::bigint ORDER BY event_id`,
    [subscriptionNo],
  );
  return rows;
}

/** Freezes a subscription, and the billing of its instance from this second on. The caller holds its lock. */
export async function setFrozen(
  db: Db,
  { subscriptionNo, accountNo, instanceId }: Subscription,
  why: "status" | "expired",
  now: Micros,
): Promise<void> {
  await db.query(
    `UPDATE subscriptions SET state = 'frozen', frozen_at = $2::timestamptz, frozen_why = $3::text
     WHERE subscription_no = $1::bigint`,
    [subscriptionNo, stamp(now), why],
  );
  // Freezes of one instance never overlap: a second one in the same second begins where the first ended.
  await db.query(
    `INSERT INTO instance_freezes (instance_no, frozen_from)
     SELECT i.instance_no, greatest($3::timestamptz, i.opened,
       (SELECT max(frozen_to) FROM instance_freezes f WHERE f.instance_no = i.instance_no))
     FROM instances i WHERE i.account_no = $1::smallint AND i.instance_id = $2::text AND i.closed IS NULL
       AND NOT EXISTS (SELECT 1 FROM instance_freezes f WHERE f.instance_no = i.instance_no AND f.frozen_to IS NULL)`,
    [accountNo, instanceId, stamp(floorSecond(now))],
  );
}

/** Ends a freeze, at least a second after it began. The caller holds the subscription's lock. */
export async function setUnfrozen(
  db: Db,
  { subscriptionNo, accountNo, instanceId }: Subscription,
  now: Micros,
): Promise<void> {
  await db.query(
    `UPDATE subscriptions SET state = 'active', frozen_at = NULL, frozen_why = NULL WHERE subscription_no = $1::bigint`,
    [subscriptionNo],
  );
  await db.query(
    `UPDATE instance_freezes f SET frozen_to = greatest($3::timestamptz, f.frozen_from + interval '1 second')
     FROM instances i WHERE i.account_no = $1::smallint AND i.instance_id = $2::text
       AND f.instance_no = i.instance_no AND f.frozen_to IS NULL`,
    [accountNo, instanceId, stamp(floorSecond(now))],
  );
}

/** Ends a subscription: its instance closes, its packages are deactivated. The caller holds its lock. */
export async function setReleased(
  db: Db,
  { subscriptionNo, accountNo, instanceId }: Subscription,
  now: Micros,
): Promise<void> {
  const at = stamp(floorSecond(now));
  await db.query(
    `UPDATE subscriptions SET state = 'released', released_at = $2::timestamptz, next_try = NULL, waits_for = NULL
     WHERE subscription_no = $1::bigint`,
    [subscriptionNo, stamp(now)],
  );
  // A life is at least a second long: a release in the second of the opening ends it with that second.
  await db.query(
    `UPDATE instances SET closed = greatest($3::timestamptz, opened + make_interval(secs => $4::float8))
     WHERE account_no = $1::smallint AND instance_id = $2::text AND closed IS NULL`,
    [accountNo, instanceId, at, SECOND / 1e6],
  );
  await db.query(
    `UPDATE packages SET deactivated_at = $2::timestamptz WHERE subscription_no = $1::bigint AND deactivated_at IS NULL`,
    [subscriptionNo, at],
  );
}

/** Sets when a subscription ends, and its packages with it. The caller holds its lock. */
export async function setExpires(db: Db, subscriptionNo: number, expires: Micros): Promise<void> {
  for (const table of ["subscriptions", "packages"]) {
    await db.query(`UPDATE ${table} SET expires = $2::timestamptz WHERE subscription_no = $1::bigint`, [
      subscriptionNo,
      stamp(expires),
    ]);
  }
}

/** Changes what a subscription is a subscription of: an upgrade keeps the instance. */
export async function setUpgraded(
  db: Db,
  subscriptionNo: number,
  { productId, expires, terms }: { productId: string | null; expires: Micros | null; terms: object },
): Promise<void> {
  await db.query(
    `UPDATE subscriptions SET product_id = COALESCE($2::text, product_id), expires = COALESCE($3::timestamptz, expires),
       terms = terms || $4::jsonb WHERE subscription_no = $1::bigint`,
    [subscriptionNo, productId, expires === null ? null : stamp(expires), jsonb(terms)],
  );
}

/** When instances were frozen; an interval that lasts ends at infinity. */
export async function findFreezes(db: Db, instanceNos: readonly number[]): Promise<Map<number, Interval[]>> {
  const { rows } = await db.query<{ instanceNo: number; begin: Micros; end: Micros | null }>(
    `SELECT instance_no AS "instanceNo", frozen_from AS begin, frozen_to AS "end" FROM instance_freezes
     WHERE instance_no = ANY ($1::integer[])`,
    [instanceNos],
  );
  const freezes = new Map<number, Interval[]>();
  for (const { instanceNo, begin, end } of rows) {
    freezes.set(instanceNo, [...(freezes.get(instanceNo) ?? []), { begin, end: end ?? Infinity }]);
  }
  return freezes;
}

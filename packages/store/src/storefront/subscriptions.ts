import type { Micros, SellingMode, WaitsFor } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import { jsonb } from "../db/json.js";
import {
  findSubscription,
  SUBSCRIPTION_COLUMNS as COLUMNS,
  type Provided,
  type Subscription,
} from "./subscription.js";

/** The content of a call for a new instance. */
export interface Reservation {
  accountNo: number;
  businessId: string;
  orderId: string;
  item: string;
  version: string;
  productId: string | null;
  mode: SellingMode | null;
  customerId: string | null;
  customerName: string | null;
  terms: Record<string, unknown>;
  expires: Micros | null;
}

/**
 * Stores an order's first businessId before anything else is done: every later call for the same order and item finds
 * this row. Its creator has `leaseSeconds` of real time to open it before another process tries.
 * @returns undefined if the businessId is already the instance id of another order.
 */
export async function reserveSubscription(
  db: Db,
  wanted: Reservation,
  now: Micros,
  leaseSeconds: number,
): Promise<Subscription | undefined> {
  const known = await findByOrder(db, wanted);
  if (known) return known;
  const { rows } = await db.query<Subscription>(
    `INSERT INTO subscriptions (account_no, instance_id, order_id, item, version, state, product_id, mode, customer_id,
       customer_name, terms, expires, received_at, next_try)
     VALUES ($1::smallint, $2::text, $3::text, $4::text, $5::text, 'opening', $6::text, NULL, $8::text, $9::text,
       $10::jsonb || jsonb_strip_nulls(jsonb_build_object('mode', $7::text)), $11::timestamptz, $12::timestamptz,
       now() + make_interval(secs => $13::float8))
     ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
    [
      wanted.accountNo,
      wanted.businessId,
      wanted.orderId,
      wanted.item,
      wanted.version,
      wanted.productId,
      wanted.mode,
      wanted.customerId,
      wanted.customerName,
      jsonb(wanted.terms),
      wanted.expires === null ? null : stamp(wanted.expires),
      stamp(now),
      leaseSeconds,
    ],
  );
  return rows[0] ?? findByOrder(db, wanted);
}

async function findByOrder(
  db: Db,
  { accountNo, orderId, item, version }: Reservation,
): Promise<Subscription | undefined> {
  const { rows } = await db.query<Subscription>(
    `SELECT ${COLUMNS} FROM subscriptions
     WHERE account_no = $1::smallint AND order_id = $2::text AND item = $3::text AND version = $4::text`,
    [accountNo, orderId, item, version],
  );
  return rows[0];
}

/** Takes up to `limit` subscriptions of an account whose next try is due, for `leaseSeconds` of real time. */
export async function claimOpenings(
  db: Db,
  accountNo: number,
  limit: number,
  leaseSeconds: number,
): Promise<Subscription[]> {
  const { rows } = await db.query<Subscription>(
    `UPDATE subscriptions SET next_try = now() + make_interval(secs => $3::float8), tries = tries + 1
     WHERE subscription_no IN (
       SELECT subscription_no FROM subscriptions
       WHERE account_no = $1::smallint AND state = 'opening' AND next_try <= now()
       ORDER BY next_try LIMIT $2::integer FOR UPDATE SKIP LOCKED)
     RETURNING ${COLUMNS}`,
    [accountNo, limit, leaseSeconds],
  );
  return rows;
}

/** Records why a subscription waits and when it is tried again. */
export async function postponeOpening(
  db: Db,
  subscriptionNo: number,
  waitsFor: WaitsFor,
  seconds: number,
): Promise<void> {
  await db.query(
    `UPDATE subscriptions SET waits_for = $2::text, next_try = now() + make_interval(secs => $3::float8)
     WHERE subscription_no = $1::bigint AND state = 'opening'`,
    [subscriptionNo, waitsFor, seconds],
  );
}

/** What an order query returned about a subscription. */
export interface OrderedTerms {
  productId: string;
  customerId: string | null;
  customerName: string | null;
  expires: Micros | null;
  terms: Record<string, unknown>;
}

/**
 * Records what was bought, once; what the call itself said takes precedence. @returns the subscription afterwards.
 */
export async function setOrdered(
  db: Db,
  subscriptionNo: number,
  ordered: OrderedTerms,
): Promise<Subscription> {
  const { rows } = await db.query<Subscription>(
    `UPDATE subscriptions SET product_id = COALESCE(product_id, $2::text), customer_id = COALESCE(customer_id, $3::text),
       customer_name = COALESCE(customer_name, $4::text), expires = COALESCE(expires, $5::timestamptz),
       terms = $6::jsonb || terms
     WHERE subscription_no = $1::bigint AND state = 'opening' RETURNING ${COLUMNS}`,
    [
      subscriptionNo,
      ordered.productId,
      ordered.customerId,
      ordered.customerName,
      ordered.expires === null ? null : stamp(ordered.expires),
      jsonb(ordered.terms),
    ],
  );
  return rows[0] ?? (await findSubscription(db, subscriptionNo))!;
}

/**
 * Records which product of its order line a waiting subscription is for, as a person chose; it is tried again
 * immediately.
 * @returns false if it does not wait for that.
 */
export async function chooseProduct(
  db: Db,
  accountNo: number,
  instanceId: string,
  product: string,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE subscriptions SET terms = terms || jsonb_build_object('chosenProduct', $3::text), next_try = now()
     WHERE account_no = $1::smallint AND instance_id = $2::text AND state = 'opening' AND product_id IS NULL`,
    [accountNo, instanceId, product],
  );
  return rowCount === 1;
}

/**
 * Records the selling mode. One order buys a pay-per-use product once: a second line for it becomes the same
 * instance.
 * @returns the subscription, or the one that holds the instance if that is another.
 */
export async function setMode(db: Db, subscription: Subscription, mode: SellingMode): Promise<Subscription> {
  const { subscriptionNo } = subscription;
  const { rows } = await db.query<Subscription>(
    `UPDATE subscriptions s SET mode = $2::text WHERE subscription_no = $1::bigint AND state = 'opening'
       AND NOT ($2::text = 'pay_per_use' AND EXISTS (SELECT 1 FROM subscriptions o WHERE o.account_no = s.account_no
         AND o.order_id = s.order_id AND o.product_id = s.product_id AND o.mode = 'pay_per_use' AND o.state <> 'same'
         AND o.subscription_no <> s.subscription_no))
     RETURNING ${COLUMNS}`,
    [subscriptionNo, mode],
  );
  if (rows[0]) return rows[0];
  const other = mode === "pay_per_use" ? await findOnDemand(db, subscription) : undefined;
  if (!other) return (await findSubscription(db, subscriptionNo))!;
  await db.query(
    `UPDATE subscriptions SET state = 'same', same_as = $2::bigint, waits_for = NULL, next_try = NULL
     WHERE subscription_no = $1::bigint AND state = 'opening'`,
    [subscriptionNo, other.subscriptionNo],
  );
  return other;
}

async function findOnDemand(
  db: Db,
  { accountNo, orderId, productId, subscriptionNo }: Subscription,
): Promise<Subscription | undefined> {
  const { rows } = await db.query<Subscription>(
    `SELECT ${COLUMNS} FROM subscriptions WHERE account_no = $1::smallint AND order_id = $2::text
       AND product_id = $3::text AND mode = 'pay_per_use' AND state <> 'same' AND subscription_no <> $4::bigint`,
    [accountNo, orderId, productId, subscriptionNo],
  );
  return rows[0];
}

/** Stores the first answer of the seller's service. @returns the subscription afterwards. */
export async function setProvided(db: Db, subscriptionNo: number, provided: Provided): Promise<Subscription> {
  const { rows } = await db.query<Subscription>(
    `UPDATE subscriptions SET provided = COALESCE(provided, $2::jsonb) WHERE subscription_no = $1::bigint
     RETURNING ${COLUMNS}`,
    [subscriptionNo, jsonb(provided)],
  );
  return rows[0]!;
}

/** Fixes subject and begin of its life before the instance is created, so that a retry creates the same one. */
export async function setLifeBegin(
  db: Db,
  subscriptionNo: number,
  subject: string,
  opened: Micros,
): Promise<Subscription> {
  const { rows } = await db.query<Subscription>(
    `UPDATE subscriptions SET subject = COALESCE(subject, $2::text), opened = COALESCE(opened, $3::timestamptz)
     WHERE subscription_no = $1::bigint RETURNING ${COLUMNS}`,
    [subscriptionNo, subject, stamp(opened)],
  );
  return rows[0]!;
}

/** Ends the opening: the subscription is active. The caller holds its lock. @returns it afterwards. */
export async function setOpened(db: Db, subscriptionNo: number, subject: string): Promise<Subscription> {
  const { rows } = await db.query<Subscription>(
    `UPDATE subscriptions SET state = 'active', waits_for = NULL, next_try = NULL, subject = $2::text
     WHERE subscription_no = $1::bigint RETURNING ${COLUMNS}`,
    [subscriptionNo, subject],
  );
  return rows[0]!;
}

/** Retries now the subscriptions that wait for a product which has been added. */
export async function wakeWaiting(db: Db, accountNo: number, productId: string): Promise<void> {
  await db.query(
    `UPDATE subscriptions SET next_try = now()
     WHERE account_no = $1::smallint AND product_id = $2::text AND state = 'opening'`,
    [accountNo, productId],
  );
}

/** Sets when a subscription ends. The caller holds its lock. */
export async function setExpires(db: Db, subscriptionNo: number, expires: Micros): Promise<void> {
  await db.query("UPDATE subscriptions SET expires = $2::timestamptz WHERE subscription_no = $1::bigint", [
    subscriptionNo,
    stamp(expires),
  ]);
}

/** Changes the product of a subscription; the instance stays. The caller holds its lock. */
export async function setChanged(
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

/** Records that a subscription is suspended, and why; `why` null: that it is resumed. The caller holds its lock. */
export async function setSuspended(
  db: Db,
  subscriptionNo: number,
  why: Subscription["suspendedWhy"],
  now: Micros,
): Promise<void> {
  await db.query(
    `UPDATE subscriptions SET state = CASE WHEN $2::text IS NULL THEN 'active' ELSE 'suspended' END,
       suspended_at = CASE WHEN $2::text IS NOT NULL THEN $3::timestamptz END, suspended_why = $2::text
     WHERE subscription_no = $1::bigint`,
    [subscriptionNo, why, stamp(now)],
  );
}

/** Records that a subscription has ended. The caller holds its lock. */
export async function setClosed(db: Db, subscriptionNo: number, now: Micros): Promise<void> {
  await db.query(
    `UPDATE subscriptions SET state = 'closed', closed_at = $2::timestamptz, next_try = NULL, waits_for = NULL
     WHERE subscription_no = $1::bigint`,
    [subscriptionNo, stamp(now)],
  );
}

import type { Micros, SellingMode, SubscriptionState, SuspensionReason, WaitsFor } from "@quarterpast/domain";
import type { Db } from "../db/database.js";

/** What the seller's service answered, or the template: what the marketplace shows of an instance. */
export interface Provided {
  subject?: string;
  frontEndUrl?: string;
  adminUrl?: string;
  userName?: string;
  password?: string;
  memo?: string;
  dashboardUrl?: string;
}

/** One thing bought, in any selling mode. */
export interface Subscription {
  subscriptionNo: number;
  accountNo: number;
  /** The first businessId; never changes. */
  instanceId: string;
  orderId: string;
  /** The part of the order: a line, or a product, depending on the marketplace's wire. */
  item: string;
  /** Version of the wire that asked for it. */
  version: string;
  state: SubscriptionState;
  waitsFor: WaitsFor | null;
  productId: string | null;
  mode: SellingMode | null;
  customerId: string | null;
  customerName: string | null;
  terms: Record<string, unknown>;
  expires: Micros | null;
  provided: Provided | null;
  subject: string | null;
  opened: Micros | null;
  suspendedWhy: SuspensionReason | null;
  sameAs: number | null;
  receivedAt: Micros;
  tries: number;
}

/** Columns of a subscription. */
export const SUBSCRIPTION_COLUMNS = `subscription_no AS "subscriptionNo", account_no AS "accountNo", instance_id AS "instanceId",
  order_id AS "orderId", item, version, state, waits_for AS "waitsFor", product_id AS "productId", mode,
  customer_id AS "customerId", customer_name AS "customerName", terms, expires, provided, subject, opened,
  suspended_why AS "suspendedWhy", same_as AS "sameAs", received_at AS "receivedAt", tries`;

/** The subscription with a number; undefined if there is none. */
export async function findSubscription(db: Db, subscriptionNo: number): Promise<Subscription | undefined> {
  const { rows } = await db.query<Subscription>(
    `SELECT ${SUBSCRIPTION_COLUMNS} FROM subscriptions WHERE subscription_no = $1::bigint`,
    [subscriptionNo],
  );
  return rows[0];
}

/** The subscriptions of these instance ids. */
export async function findSubscriptions(
  db: Db,
  accountNo: number,
  instanceIds: readonly string[],
): Promise<Subscription[]> {
  const { rows } = await db.query<Subscription>(
    `SELECT ${SUBSCRIPTION_COLUMNS} FROM subscriptions WHERE account_no = $1::smallint AND instance_id = ANY ($2::text[])`,
    [accountNo, instanceIds],
  );
  return rows;
}

/** Subscriptions by number, newest first, `limit` of them before the number `before`. */
export async function listSubscriptions(
  db: Db,
  accountNo: number,
  filter: { before?: number | undefined; state?: string | undefined; limit: number },
): Promise<Subscription[]> {
  const { rows } = await db.query<Subscription>(
    `SELECT ${SUBSCRIPTION_COLUMNS} FROM subscriptions WHERE account_no = $1::smallint
       AND ($2::bigint IS NULL OR subscription_no < $2::bigint) AND ($3::text IS NULL OR state = $3::text)
     ORDER BY subscription_no DESC LIMIT $4::integer`,
    [accountNo, filter.before ?? null, filter.state ?? null, filter.limit],
  );
  return rows;
}

/** The subscription, locked until the transaction ends. */
export async function lockSubscription(db: Db, subscriptionNo: number): Promise<Subscription> {
  const { rows } = await db.query<Subscription>(
    `SELECT ${SUBSCRIPTION_COLUMNS} FROM subscriptions WHERE subscription_no = $1::bigint FOR UPDATE`,
    [subscriptionNo],
  );
  return rows[0]!;
}

import { floorSecond, LIVING_STATES, type Micros, type ResetRule } from "@quarterpast/domain";
import { oneOf } from "../db/closedSets.js";
import { stamp, type Db } from "../db/database.js";
import type { Product } from "../catalog/products.js";

/** One item of a bought package. Quantities are decimal text. */
export interface Package {
  packageNo: number;
  subscriptionNo: number;
  /** Instance id of the package. */
  instanceId: string;
  subject: string;
  meter: string;
  meterNo: number;
  quota: string;
  resetRule: ResetRule;
  deductionOrder: number;
  /** Its service stops when it is used up. */
  stops: boolean;
  starts: Micros;
  expires: Micros | null;
  deactivatedAt: Micros | null;
  warnedPeriod: Micros | null;
  usedUpPeriod: Micros | null;
}

/** Columns of a package, from PACKAGE_TABLES. */
export const PACKAGE_COLUMNS = `p.package_no AS "packageNo", p.subscription_no AS "subscriptionNo", s.instance_id AS "instanceId",
  p.subject, m.code AS meter, p.meter_no AS "meterNo", p.quota, p.reset_rule AS "resetRule",
  p.deduction_order AS "deductionOrder", p.stops, p.starts, p.expires, p.deactivated_at AS "deactivatedAt",
  p.warned_period AS "warnedPeriod", p.used_up_period AS "usedUpPeriod"`;
export const PACKAGE_TABLES =
  "packages p JOIN subscriptions s USING (subscription_no) JOIN meters m ON m.meter_no = p.meter_no";
const SELECT = `SELECT ${PACKAGE_COLUMNS} FROM ${PACKAGE_TABLES}`;

/** Inserts the items of a bought package, once. */
export async function addPackages(
  db: Db,
  bought: {
    subscriptionNo: number;
    accountNo: number;
    subject: string;
    product: Product;
    starts: Micros;
    expires: Micros | null;
  },
): Promise<void> {
  const { product } = bought;
  await db.query(
    `INSERT INTO packages (subscription_no, account_no, subject, meter_no, quota, reset_rule, deduction_order, stops,
       starts, expires)
     SELECT $1::bigint, $2::smallint, $3::text, m.meter_no, t.quota, $6::text, $7::smallint, $8::boolean,
       $9::timestamptz, $10::timestamptz
     FROM unnest($4::text[], $5::numeric[]) AS t (code, quota) JOIN meters m USING (code) ON CONFLICT DO NOTHING`,
    [
      bought.subscriptionNo,
      bought.accountNo,
      bought.subject,
      product.contents.map(({ meter }) => meter),
      product.contents.map(({ quota }) => quota),
      product.resetRule,
      product.deductionOrder,
      product.mode === "stop_package",
      stamp(bought.starts),
      bought.expires === null ? null : stamp(bought.expires),
    ],
  );
}

/** The subject of a customer's pay-per-use instance of a meter, to which its packages belong. */
export async function findPackageSubject(
  db: Db,
  accountNo: number,
  customerId: string,
  meters: readonly string[],
): Promise<string | undefined> {
  const { rows } = await db.query<{ subject: string }>(
    `SELECT s.subject FROM subscriptions s
     JOIN products p ON p.account_no = s.account_no AND p.product_id = s.product_id
     JOIN meters m ON m.meter_no = p.meter_no
     WHERE s.account_no = $1::smallint AND s.customer_id = $2::text AND s.mode = 'pay_per_use'
       AND s.state IN ${oneOf(LIVING_STATES)} AND m.code = ANY ($3::text[])
     ORDER BY (s.subject = s.customer_id) DESC, s.opened LIMIT 1`,
    [accountNo, customerId, meters],
  );
  return rows[0]?.subject;
}

/** All packages that share usage with the packages of these subscriptions, including them. */
export async function findSharingPackages(db: Db, subscriptionNos: readonly number[]): Promise<Package[]> {
  const { rows } = await db.query<Package>(
    `${SELECT} WHERE (p.account_no, p.subject, p.meter_no) IN (
       SELECT account_no, subject, meter_no FROM packages WHERE subscription_no = ANY ($1::bigint[]))
     ORDER BY p.subscription_no, m.code`,
    [subscriptionNos],
  );
  return rows;
}

/** Packages that may be used at a time, by number, `limit` of them after `after`. */
export async function listLivePackages(
  db: Db,
  accountNo: number,
  at: Micros,
  after: number,
  limit: number,
): Promise<Package[]> {
  const { rows } = await db.query<Package>(
    `${SELECT} WHERE p.account_no = $1::smallint AND p.package_no > $2::bigint AND p.starts <= $3::timestamptz
       AND p.deactivated_at IS NULL AND (p.expires IS NULL OR p.expires > $3::timestamptz)
     ORDER BY p.package_no LIMIT $4::integer`,
    [accountNo, after, stamp(at), limit],
  );
  return rows;
}

/** A pay-per-use instance that packages belong to: the present or last one of the same subject and meter. */
export interface PackageInstance {
  subject: string;
  meterNo: number;
  instanceId: string;
}

/** The pay-per-use instances that packages belong to. */
export async function findPackageInstances(
  db: Db,
  accountNo: number,
  packages: readonly Pick<Package, "subject" | "meterNo">[],
): Promise<PackageInstance[]> {
  const { rows } = await db.query<PackageInstance>(
    `SELECT DISTINCT ON (i.subject, i.meter_no) i.subject, i.meter_no AS "meterNo", i.instance_id AS "instanceId"
     FROM unnest($2::text[], $3::integer[]) AS wanted (subject, meter_no)
     JOIN instances i ON i.account_no = $1::smallint AND i.subject = wanted.subject AND i.meter_no = wanted.meter_no
     ORDER BY i.subject, i.meter_no, i.opened DESC`,
    [accountNo, packages.map((one) => one.subject), packages.map((one) => one.meterNo)],
  );
  return rows;
}

/**
 * The begin of the period of a package's quota that contains a time: monthly and yearly from the day it starts, UTC.
 */
export function packagePeriod(
  { starts, resetRule }: Pick<Package, "starts" | "resetRule">,
  at: Micros,
): Micros {
  if (resetRule === "none" || at <= starts) return starts;
  const step = resetRule === "monthly" ? 1 : 12;
  const [from, to] = [new Date(starts / 1_000), new Date(at / 1_000)];
  const months = (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth();
  const passed = Math.floor(months / step) * step;
  const begin = addMonths(starts, passed);
  return begin <= at ? begin : addMonths(starts, passed - step);
}

/** The same day and time `months` months later; the month's last day if it has no such day. */
function addMonths(at: Micros, months: number): Micros {
  const date = new Date(at / 1_000);
  const day = date.getUTCDate();
  date.setUTCDate(1);
  date.setUTCMonth(date.getUTCMonth() + months);
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  date.setUTCDate(Math.min(day, last));
  return date.getTime() * 1_000 + (at % 1_000);
}

/** Ends the packages of a subscription in the second of a time, once; they are never deleted. */
export async function deactivatePackages(db: Db, subscriptionNo: number, now: Micros): Promise<void> {
  await db.query(
    `UPDATE packages SET deactivated_at = $2::timestamptz WHERE subscription_no = $1::bigint AND deactivated_at IS NULL`,
    [subscriptionNo, stamp(floorSecond(now))],
  );
}

/** Sets when the packages of a subscription end. */
export async function setPackagesExpire(db: Db, subscriptionNo: number, expires: Micros): Promise<void> {
  await db.query("UPDATE packages SET expires = $2::timestamptz WHERE subscription_no = $1::bigint", [
    subscriptionNo,
    stamp(expires),
  ]);
}

/**
 * Records that the seller was notified of a package's low balance or end in a period. @returns whether that is new.
 */
export async function markPackageTold(
  db: Db,
  packageNo: number,
  what: "warned" | "used_up",
  period: Micros,
): Promise<boolean> {
  const column = what === "warned" ? "warned_period" : "used_up_period";
  const { rowCount } = await db.query(
    `UPDATE packages SET ${column} = $2::timestamptz
     WHERE package_no = $1::bigint AND ${column} IS DISTINCT FROM $2::timestamptz`,
    [packageNo, stamp(period)],
  );
  return rowCount === 1;
}

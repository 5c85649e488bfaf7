import type { BillingCycle, Micros, ResetRule, SellingMode } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/** What the seller offers under one product id of the marketplace. */
export interface Product {
  productId: string;
  mode: SellingMode;
  /** The billing item of a pay-per-use product; null in every other mode. */
  meter: string | null;
  cycle: BillingCycle;
  resetRule: ResetRule;
  /** Packages of one customer and item are used up lowest first, then the one that expires first. */
  deductionOrder: number;
  frontEndUrl: string | null;
  adminUrl: string | null;
  dashboardUrl: string | null;
  /** The contents of a package: decimal text per meter; empty in other modes. */
  contents: { meter: string; quota: string }[];
}

const SELECT = `SELECT p.product_id AS "productId", p.mode, m.code AS meter, p.cycle, p.reset_rule AS "resetRule",
  p.deduction_order AS "deductionOrder", p.front_end_url AS "frontEndUrl", p.admin_url AS "adminUrl",
  p.dashboard_url AS "dashboardUrl",
  COALESCE((SELECT jsonb_agg(jsonb_build_object('meter', cm.code, 'quota', trim_scale(c.quota)::text) ORDER BY cm.code)
    FROM product_contents c JOIN meters cm USING (meter_no)
    WHERE c.account_no = p.account_no AND c.product_id = p.product_id), '[]') AS contents
  FROM products p LEFT JOIN meters m USING (meter_no)`;

/** A product by its id; undefined if the account has none. */
export async function findProduct(
  db: Db,
  accountNo: number,
  productId: string,
): Promise<Product | undefined> {
  const { rows } = await db.query<Product>(
    `${SELECT} WHERE p.account_no = $1::smallint AND p.product_id = $2::text`,
    [accountNo, productId],
  );
  return rows[0];
}

/** Products by id, `limit` of them after the id `after`. */
export async function listProducts(
  db: Db,
  accountNo: number,
  after: string,
  limit: number,
): Promise<Product[]> {
  const { rows } = await db.query<Product>(
    `${SELECT} WHERE p.account_no = $1::smallint AND p.product_id > $2::text ORDER BY p.product_id LIMIT $3::integer`,
    [accountNo, after, limit],
  );
  return rows;
}

export type AddedProduct =
  | { outcome: "created" | "unchanged" | "exists_otherwise"; product: Product }
  | { outcome: "unknown_meter"; meter: string };

/**
 * Stores a product, in the caller's transaction; the same again is `unchanged`. Only addresses may change, because
 * instances were created from everything else.
 */
export async function keepProduct(
  db: Db,
  accountNo: number,
  product: Product,
  now: Micros,
): Promise<AddedProduct> {
  const missing = await missingMeter(db, product);
  if (missing !== undefined) return { outcome: "unknown_meter", meter: missing };
  const inserted = await db.query(
    `INSERT INTO products (account_no, product_id, mode, meter_no, cycle, reset_rule, deduction_order, front_end_url,
         admin_url, dashboard_url, created_at)
       SELECT $1::smallint, $2::text, $3::text, (SELECT meter_no FROM meters WHERE code = $4::text), $5::text, $6::text,
         $7::smallint, $8::text, $9::text, $10::text, $11::timestamptz ON CONFLICT DO NOTHING`,
    [
      accountNo,
      product.productId,
      product.mode,
      product.meter,
      product.cycle,
      product.resetRule,
      product.deductionOrder,
      product.frontEndUrl,
      product.adminUrl,
      product.dashboardUrl,
      stamp(now),
    ],
  );
  if (inserted.rowCount === 0) return changeAddresses(db, accountNo, product);
  await db.query(
    `INSERT INTO product_contents (account_no, product_id, meter_no, quota)
       SELECT $1::smallint, $2::text, m.meter_no, t.quota FROM unnest($3::text[], $4::numeric[]) AS t (code, quota)
       JOIN meters m USING (code)`,
    [
      accountNo,
      product.productId,
      product.contents.map(({ meter }) => meter),
      product.contents.map(({ quota }) => quota),
    ],
  );
  return { outcome: "created", product: (await findProduct(db, accountNo, product.productId))! };
}

async function changeAddresses(db: Db, accountNo: number, product: Product): Promise<AddedProduct> {
  const before = (await findProduct(db, accountNo, product.productId))!;
  if (!sameTerms(before, product)) return { outcome: "exists_otherwise", product: before };
  await db.query(
    `UPDATE products SET front_end_url = COALESCE($3::text, front_end_url), admin_url = COALESCE($4::text, admin_url),
       dashboard_url = COALESCE($5::text, dashboard_url) WHERE account_no = $1::smallint AND product_id = $2::text`,
    [accountNo, product.productId, product.frontEndUrl, product.adminUrl, product.dashboardUrl],
  );
  return { outcome: "unchanged", product: (await findProduct(db, accountNo, product.productId))! };
}

function sameTerms(a: Product, b: Product): boolean {
  const terms = ({ mode, meter, cycle, resetRule, deductionOrder, contents }: Product) =>
    JSON.stringify([
      ...[mode, meter, cycle, resetRule, deductionOrder],
      contents.map((one) => `${one.meter}=${one.quota}`).sort((a, b) => (a < b ? -1 : 1)),
    ]);
  return terms(a) === terms(b);
}

async function missingMeter(db: Db, { meter, contents }: Product): Promise<string | undefined> {
  const wanted = [...(meter === null ? [] : [meter]), ...contents.map((item) => item.meter)];
  const { rows } = await db.query<{ code: string }>(
    `SELECT code FROM unnest($1::text[]) AS code WHERE code NOT IN (SELECT code FROM meters) LIMIT 1`,
    [wanted],
  );
  return rows[0]?.code;
}

import type { Micros, PriceBand, PricePlan, RevenueBy } from "@quarterpast/domain";
import { writeAudit, type Actor } from "../catalog/audit.js";
import { revalueFindings } from "../reconcile/findings.js";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";

/** A price plan of one meter of a product, from a time on. */
export interface StoredPlan extends PricePlan {
  planId: number;
  product: string;
  meter: string;
  validFrom: Micros;
}

export type NewPlan = Omit<StoredPlan, "planId">;

const SELECT = `SELECT p.plan_id AS "planId", p.product, m.code AS meter, p.valid_from AS "validFrom", p.model, p.currency,
  p.period, trim_scale(p.free)::text AS free, p.bands
  FROM price_plans p JOIN meters m USING (meter_no)`;

export type AddedPlan =
  { outcome: "created" | "unchanged"; plan: StoredPlan } | { outcome: "unknown_meter"; meter: string };

/** Adds a plan; one with the same content as the newest from that time is `unchanged`. Plans are never edited. */
export async function addPlan(pool: Pool, actor: Actor, plan: NewPlan, now: Micros): Promise<AddedPlan> {
  return inTransaction(pool, async (db) => {
    // One at a time: two equal plans added at once would both be new.
    await db.query("SELECT pg_advisory_xact_lock($1::integer, $2::integer)", [PLAN_LOCK, actor.accountNo]);
    const before = await newestFrom(db, actor.accountNo, plan);
    if (before && saysTheSame(before, plan)) return { outcome: "unchanged", plan: before };
    const { rows } = await db.query<{ planId: number }>(
      `INSERT INTO price_plans (account_no, product, meter_no, valid_from, model, currency, period, free, bands, created_at)
       SELECT $1::smallint, $2::text, meter_no, $4::timestamptz, $5::text, $6::text, $7::text, $8::numeric, $9::jsonb,
         $10::timestamptz FROM meters WHERE code = $3::text RETURNING plan_id AS "planId"`,
      [
        actor.accountNo,
        plan.product,
        plan.meter,
        stamp(plan.validFrom),
        plan.model,
        plan.currency,
        plan.period,
        plan.free,
        JSON.stringify(plan.bands.map(bandToDb)),
        stamp(now),
      ],
    );
    const created = rows[0];
    if (!created) return { outcome: "unknown_meter", meter: plan.meter };
    await revalueFindings(db, actor.accountNo, plan.product);
    const ref = `${plan.product} ${plan.meter}`;
    await writeAudit(db, actor, { act: "prices.add", ref, before, after: plan }, now);
    return { outcome: "created", plan: { ...plan, ...created } };
  });
}

const PLAN_LOCK = 0x9a1ce;
const bandToDb = ({ upTo, unitPrice }: PriceBand) => ({ upTo, unitPrice });

async function newestFrom(db: Db, accountNo: number, plan: NewPlan): Promise<StoredPlan | undefined> {
  const { rows } = await db.query<StoredPlan>(
    `${SELECT} WHERE p.account_no = $1::smallint AND p.product = $2::text AND m.code = $3::text
       AND p.valid_from = $4::timestamptz ORDER BY p.plan_id DESC LIMIT 1`,
    [accountNo, plan.product, plan.meter, stamp(plan.validFrom)],
  );
  return rows[0];
}

function saysTheSame(a: NewPlan, b: NewPlan): boolean {
  const terms = ({ model, currency, period, free, bands }: NewPlan) =>
    JSON.stringify([model, currency, period, free, bands.map((one) => [one.upTo, one.unitPrice])]);
  return terms(a) === terms(b);
}

/** Plans by number, `limit` of them after `after`. */
export async function listPlans(
  db: Db,
  accountNo: number,
  { product, after, limit }: { product?: string | undefined; after: number; limit: number },
): Promise<StoredPlan[]> {
  const { rows } = await db.query<StoredPlan>(
    `${SELECT} WHERE p.account_no = $1::smallint AND ($2::text IS NULL OR p.product = $2::text) AND p.plan_id > $3::bigint
     ORDER BY p.plan_id LIMIT $4::integer`,
    [accountNo, product ?? null, after, limit],
  );
  return rows;
}

/** Expected revenue of a month, by one thing of the ledger. */
export interface Revenue {
  key: string;
  currency: string | null;
  records: number;
  /** Null if its records have several units. */
  quantity: string | null;
  unit: string | null;
  /** Decimal text; null if no price plan was valid. */
  expected: string | null;
  billed: string | null;
  /** The amount in the marketplace's bills; null if no imported bill names it. */
  bill: string | null;
  /** Records without a price plan. */
  unpriced: number;
}

/**
 * For a record of `billing.revenue`, and for a bill's line `b` with the instance `i` that it names or whose record it
 * is.
 */
const KEY: Record<RevenueBy, { ours: string; bill: string }> = {
  product: { ours: "product", bill: "COALESCE(i.product, b.product)" },
  instance: { ours: "instance_id", bill: "COALESCE(i.instance_id, b.instance_id)" },
  subject: { ours: "subject", bill: "i.subject" },
  record: { ours: "sn", bill: "b.sn" },
};

export interface RevenueFilter {
  /** First day of a month of the marketplace, `YYYY-MM-DD`. */
  month: string;
  by: RevenueBy;
  product?: string | undefined;
  instanceId?: string | undefined;
  subject?: string | undefined;
  /** Key and currency of the previous row. */
  after: readonly string[];
  limit: number;
}

/** Expected revenue of a month by key and currency, beside the amounts in the marketplace's bills. */
export async function readRevenue(db: Db, account: string, filter: RevenueFilter): Promise<Revenue[]> {
  const { month, by, product, instanceId, subject, after, limit } = filter;
  const key = KEY[by];
  const { rows } = await db.query<Revenue>(
    `WITH bill AS (
       SELECT ${key.bill} AS key, b.currency, trim_scale(sum(b.amount))::text AS amount FROM billing.bill_lines b
       LEFT JOIN records r ON r.sn = b.sn
       LEFT JOIN instances i ON CASE WHEN r.sn IS NULL THEN i.instance_id = b.instance_id
         AND i.account_no = (SELECT account_no FROM accounts WHERE code = $1::text) ELSE i.instance_no = r.instance_no END
       WHERE b.account = $1::text AND b.usage_month = $2::date AND NOT b.superseded AND NOT b.refund GROUP BY 1, 2
     ), ours AS (
       SELECT ${key.ours} AS key, currency, count(*) AS records,
         -- Tokens and calls do not add up.
         CASE WHEN count(DISTINCT unit) = 1 THEN trim_scale(sum(quantity))::text END AS quantity,
         CASE WHEN count(DISTINCT unit) = 1 THEN min(unit) END AS unit, trim_scale(sum(amount))::text AS expected, trim_scale(sum(amount) FILTER (WHERE state = 'billed'))::text AS billed,
         count(*) FILTER (WHERE amount IS NULL) AS unpriced
       FROM billing.revenue WHERE account = $1::text AND month = $2::date AND expected
         AND ($6::text IS NULL OR product = $6::text) AND ($7::text IS NULL OR instance_id = $7::text)
         AND ($8::text IS NULL OR subject = $8::text)
       GROUP BY 1, 2
     )
     SELECT ours.*, bill.amount AS bill FROM ours LEFT JOIN bill ON bill.key = ours.key AND bill.currency = ours.currency
     WHERE (ours.key, COALESCE(ours.currency, '')) > ($3::text, $4::text)
     ORDER BY ours.key, COALESCE(ours.currency, '') LIMIT $5::integer`,
    [
      account,
      month,
      after[0] ?? "",
      after[1] ?? "",
      limit,
      product ?? null,
      instanceId ?? null,
      subject ?? null,
    ],
  );
  return rows;
}

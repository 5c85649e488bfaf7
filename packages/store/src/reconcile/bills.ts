import type { BillScope, Micros, Period } from "@quarterpast/domain";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";
import { noteBillFindings, resolveBillFindings, type BillCounts } from "./billFindings.js";
import { insertBillLines, type KeptBillLine } from "./billLines.js";
import { insertStatement, supersedeBills } from "./statements.js";

export interface NewBill {
  accountNo: number;
  source: string;
  /** Only a complete bill can show that something is missing, or too little. */
  complete: boolean;
  /** What it covers; undefined if it has only refunds and late usage. */
  period: Period | undefined;
  lines: readonly KeptBillLine[];
}

export interface ReconciledBill extends BillCounts {
  statementId: number;
  lines: number;
}

/**
 * Takes a bill: compares its money with that of our records for its months, and records every difference. It edits
 * none.
 */
export async function takeBill(pool: Pool, bill: NewBill, now: Micros): Promise<ReconciledBill> {
  return inTransaction(pool, async (db) => {
    // A month has many records, and no shard waits for this.
    await db.query("SET LOCAL statement_timeout = '10min'");
    const { accountNo, source, complete, period } = bill;
    const statementId = await insertStatement(db, {
      ...{ accountNo, source, complete, lines: bill.lines.length, takenAt: now, bill: period },
    });
    await insertBillLines(db, statementId, bill.lines);
    await supersedeBills(db, statementId, bill);
    const scope = scopeOf(bill.lines);
    await compare(db, statementId, bill, scope);
    const found = await noteBillFindings(db, statementId, bill.accountNo, scope, KEYS[scope].line, now);
    await resolveBillFindings(db, bill.accountNo, scope, now);
    return { statementId, lines: bill.lines.length, ...found };
  });
}

function scopeOf(lines: readonly KeptBillLine[]): BillScope {
  const charges = lines.filter(({ refund }) => !refund);
  if (charges.every(({ sn }) => sn !== null)) return "record";
  return charges.every(({ instanceId }) => instanceId !== null) ? "instance" : "product";
}

const KEYS: Record<BillScope, { line: string; revenue: string }> = {
  record: { line: "sn", revenue: "sn" },
  instance: { line: "instance_id", revenue: "instance_id" },
  product: { line: "product", revenue: "product" },
};

/**
 * One row per month, key and currency with both sums, over what the bill covers. A line for usage of an earlier month
 * is compared with that month, together with all other bills' lines of its key; what other bills charged late for
 * this period counts here. The marketplace may round every line: up to half a unit of the bill's last decimal for
 * each of a key's lines is not a difference. An incomplete bill may lack lines of a key: less is then not a
 * difference, except for a record, which is one line.
 */
async function compare(db: Db, statementId: number, bill: NewBill, scope: BillScope): Promise<void> {
  const key = KEYS[scope];
  await db.query(
    `CREATE TEMP TABLE compared ON COMMIT DROP AS
     WITH own AS (
       SELECT usage_month, ${key.line} AS key, currency, amount, month > usage_month AS late FROM bill_lines
       WHERE statement_id = $1::bigint AND NOT refund AND ${key.line} IS NOT NULL
     ), digits AS (
       SELECT greatest(2, COALESCE(max(scale(amount)), 2)) AS decimals FROM bill_lines WHERE statement_id = $1::bigint
     ), earlier AS (
       SELECT DISTINCT usage_month, key, currency FROM own WHERE late
     ), others AS (
       SELECT b.usage_month, b.${key.line} AS key, b.currency, b.amount, b.month > b.usage_month AS late,
         COALESCE(b.begin_at, (b.usage_month::timestamp - make_interval(mins => a.day_offset_minutes)) AT TIME ZONE 'UTC') AS usage_at
       FROM bill_lines b JOIN statements t USING (statement_id) JOIN accounts a USING (account_no)
       WHERE t.account_no = $2::smallint AND t.statement_id <> $1::bigint AND t.superseded_by IS NULL AND NOT b.refund
     ), theirs AS (
       SELECT usage_month AS month, key, currency, sum(amount) AS amount, count(*) AS lines FROM (
         SELECT usage_month, key, currency, amount FROM own
         UNION ALL SELECT usage_month, key, currency, amount FROM others
         WHERE late AND usage_at >= $5::timestamptz AND usage_at < $6::timestamptz AND key IS NOT NULL
         UNION ALL SELECT usage_month, key, currency, amount FROM others JOIN earlier USING (usage_month, key, currency)
         WHERE NOT (late AND usage_at >= $5::timestamptz AND usage_at < $6::timestamptz) IS TRUE
       ) lines GROUP BY 1, 2, 3
     ), ours AS (
       SELECT month, ${key.revenue} AS key, currency, sum(amount) AS amount, bool_or(r.begin_at >= $5::timestamptz AND r.begin_at < $6::timestamptz) AS covered
       FROM billing.revenue r
       WHERE account = (SELECT code FROM accounts WHERE account_no = $2::smallint) AND expected
         AND NOT is_unsent(state) AND amount IS NOT NULL
         AND ((r.begin_at >= $5::timestamptz AND r.begin_at < $6::timestamptz)
           OR (month, ${key.revenue}, currency) IN (SELECT usage_month, key, currency FROM earlier))
       GROUP BY 1, 2, 3
     )
     SELECT month, key, currency, o.amount AS ours, t.amount AS theirs,
       CASE WHEN t.amount IS NULL THEN CASE WHEN $3::boolean AND o.covered AND round(o.amount, decimals) <> 0 THEN 'missing' ELSE 'agreed' END
            WHEN o.amount IS NULL THEN CASE WHEN t.amount = 0 THEN 'agreed' ELSE 'extra' END
            WHEN abs(t.amount - o.amount) <= t.lines * 0.5 * power(10::numeric, -decimals) THEN 'agreed'
            WHEN t.amount < o.amount AND NOT $3::boolean AND $4::text <> 'record' THEN 'agreed'
            ELSE 'different' END AS verdict
     FROM ours o FULL JOIN theirs t USING (month, key, currency), digits`,
    [
      statementId,
      bill.accountNo,
      bill.complete,
      scope,
      bill.period ? stamp(bill.period.from) : null,
      bill.period ? stamp(bill.period.to) : null,
    ],
  );
}

import type { Micros, Period } from "@quarterpast/domain";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";

/** One line of a bill as it is kept. */
export interface NewBillLine {
  line: number;
  /** First days of months: of the bill, and of the usage where it is another. */
  month: string;
  usageMonth: string;
  /** When its usage began and ended, where the bill tells. */
  begin: Micros | null;
  end: Micros | null;
  sn: string | null;
  instanceId: string | null;
  product: string | null;
  customer: string | null;
  orderId: string | null;
  quantity: string | null;
  /** Decimal text; negative where money went back. */
  amount: string;
  currency: string;
  refund: boolean;
}

export interface NewBill {
  accountNo: number;
  source: string;
  /** Only a complete bill can show that something is missing, or too little. */
  complete: boolean;
  /** What it covers; undefined where it holds refunds and late usage alone. */
  period: Period | undefined;
  /** By how much the marketplace's day is ahead of UTC. */
  dayOffset: Micros;
  lines: readonly NewBillLine[];
}

export interface ReconciledBill {
  statementId: number;
  lines: number;
  /** Keys whose money agrees. */
  agreed: number;
  missing: number;
  extra: number;
  different: number;
  late: number;
  refunded: number;
}

/** What the money of a bill is compared by: the finest thing that every line names. */
type Scope = "record" | "instance" | "product";

/** Takes a bill: sets its money against what our records of its months make, and notes every difference. It edits none. */
export async function takeBill(pool: Pool, bill: NewBill, now: Micros): Promise<ReconciledBill> {
  return inTransaction(pool, async (db) => {
    // A month's records are many; no shard waits for it.
    await db.query("SET LOCAL statement_timeout = '10min'");
    const statementId = await insertStatement(db, bill, now);
    await insertLines(db, statementId, bill.lines);
    await supersede(db, statementId, bill);
    const scope = scopeOf(bill.lines);
    await compare(db, statementId, bill, scope);
    const found = await noteFindings(db, statementId, bill.accountNo, scope, now);
    await resolveBillFindings(db, bill.accountNo, scope, now);
    return { statementId, lines: bill.lines.length, ...found };
  });
}

async function insertStatement(db: Db, bill: NewBill, now: Micros): Promise<number> {
  const { rows } = await db.query<{ id: number }>(
    `INSERT INTO statements (account_no, source, complete, lines, taken_at, bill_from, bill_to)
     VALUES ($1::smallint, $2::text, $3::boolean, $4::integer, $5::timestamptz, $6::timestamptz, $7::timestamptz)
     RETURNING statement_id AS id`,
    [
      bill.accountNo,
      bill.source,
      bill.complete,
      bill.lines.length,
      stamp(now),
      bill.period ? stamp(bill.period.from) : null,
      bill.period ? stamp(bill.period.to) : null,
    ],
  );
  return rows[0]!.id;
}

/** Days and the month that holds them, or one file imported twice: what a whole bill covers stands in it alone. */
async function supersede(db: Db, statementId: number, { accountNo, complete }: NewBill): Promise<void> {
  if (complete) {
    await db.query(
      `UPDATE statements s SET superseded_by = b.statement_id FROM statements b
       WHERE b.statement_id = $1::bigint AND s.account_no = $2::smallint AND s.statement_id <> b.statement_id
         AND s.superseded_by IS NULL AND s.bill_from >= b.bill_from AND s.bill_to <= b.bill_to`,
      [statementId, accountNo],
    );
  }
  await db.query(
    `UPDATE statements s SET superseded_by = (
       SELECT b.statement_id FROM statements b
       WHERE b.account_no = $2::smallint AND b.complete AND b.superseded_by IS NULL AND b.statement_id <> s.statement_id
         AND b.bill_from <= s.bill_from AND b.bill_to >= s.bill_to LIMIT 1)
     WHERE s.statement_id = $1::bigint`,
    [statementId, accountNo],
  );
}

function scopeOf(lines: readonly NewBillLine[]): Scope {
  const charges = lines.filter(({ refund }) => !refund);
  if (charges.every(({ sn }) => sn !== null)) return "record";
  return charges.every(({ instanceId }) => instanceId !== null) ? "instance" : "product";
}

async function insertLines(db: Db, statementId: number, lines: readonly NewBillLine[]): Promise<void> {
  await db.query(
    `INSERT INTO bill_lines (statement_id, line, month, usage_month, sn, instance_id, product, customer, order_id, quantity,
       amount, currency, refund, begin_at, end_at)
     SELECT $1::bigint, t.* FROM unnest($2::integer[], $3::date[], $4::date[], $5::text[], $6::text[], $7::text[], $8::text[],
       $9::text[], $10::numeric[], $11::numeric[], $12::text[], $13::boolean[], $14::timestamptz[], $15::timestamptz[]) AS t`,
    [
      statementId,
      lines.map((line) => line.line),
      lines.map((line) => line.month),
      lines.map((line) => line.usageMonth),
      lines.map((line) => line.sn),
      lines.map((line) => line.instanceId),
      lines.map((line) => line.product),
      lines.map((line) => line.customer),
      lines.map((line) => line.orderId),
      lines.map((line) => line.quantity),
      lines.map((line) => line.amount),
      lines.map((line) => line.currency),
      lines.map((line) => line.refund),
      lines.map(({ begin }) => (begin === null ? null : stamp(begin))),
      lines.map(({ end }) => (end === null ? null : stamp(end))),
    ],
  );
}

const KEYS: Record<Scope, { line: string; revenue: string }> = {
  record: { line: "sn", revenue: "sn" },
  instance: { line: "instance_id", revenue: "instance_id" },
  product: { line: "product", revenue: "product" },
};

/**
 * One row per month, key and currency with both sums, over what the bill covers. A line for usage of an earlier month is
 * set against that month with all other bills' lines of its key; what other bills charged late for this period counts
 * here. The marketplace may round every line: half a unit of the bill's last decimal for each of a key's lines is no
 * difference. An incomplete bill may lack lines of a key: less is no difference then, but for a record, which is one line.
 */
async function compare(db: Db, statementId: number, bill: NewBill, scope: Scope): Promise<void> {
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
         COALESCE(b.begin_at, b.usage_month::timestamp AT TIME ZONE 'UTC' - $7::interval) AS usage_at
       FROM bill_lines b JOIN statements t USING (statement_id)
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
         AND state NOT IN ('frozen', 'sent') AND amount IS NOT NULL
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
      `${bill.dayOffset / 1_000_000} seconds`,
    ],
  );
}

async function noteFindings(
  db: Db,
  statementId: number,
  accountNo: number,
  scope: Scope,
  now: Micros,
): Promise<Omit<ReconciledBill, "statementId" | "lines">> {
  const key = KEYS[scope];
  const { rows } = await db.query<{ kind: string; count: number }>(
    `WITH found AS (
       SELECT verdict AS kind, month, $3::text AS scope, key, currency, ours, theirs FROM compared WHERE verdict <> 'agreed'
       UNION ALL
       SELECT CASE WHEN refund THEN 'refunded' ELSE 'late' END, usage_month, $3::text, COALESCE(${key.line}, order_id, 'line ' || line),
         currency, NULL, sum(amount)
       FROM bill_lines WHERE statement_id = $1::bigint AND (refund OR month > usage_month) GROUP BY 1, 2, 4, 5
     ), noted AS (
       INSERT INTO bill_findings (account_no, kind, month, scope, key, currency, ours, theirs, statement_id, found_at,
         resolved_at)
       -- What was charged late is told and over: nothing is left to do.
       SELECT $2::smallint, kind, month, scope, key, currency, ours, theirs, $1::bigint, $4::timestamptz,
         CASE WHEN kind = 'late' THEN $4::timestamptz END
       FROM found f WHERE NOT EXISTS (
         SELECT 1 FROM bill_findings s WHERE (s.settled OR s.kind = 'late') AND s.account_no = $2::smallint AND s.kind = f.kind AND s.month = f.month
           AND s.scope = f.scope AND s.key = f.key AND s.currency = f.currency
           AND s.ours IS NOT DISTINCT FROM f.ours AND s.theirs IS NOT DISTINCT FROM f.theirs)
       ON CONFLICT (account_no, kind, month, scope, key, currency) WHERE resolved_at IS NULL
       DO UPDATE SET ours = excluded.ours, theirs = excluded.theirs, statement_id = excluded.statement_id
     )
     SELECT kind, count(*) AS count FROM found GROUP BY kind
     UNION ALL SELECT 'agreed', count(*) FROM compared WHERE verdict = 'agreed' AND theirs IS NOT NULL`,
    [statementId, accountNo, scope, stamp(now)],
  );
  const counts = new Map(rows.map((row) => [row.kind, row.count]));
  const of = (kind: string) => counts.get(kind) ?? 0;
  return {
    agreed: of("agreed"),
    missing: of("missing"),
    extra: of("extra"),
    different: of("different"),
    late: of("late"),
    refunded: of("refunded"),
  };
}

/** Ends findings of money that this bill shows healed. A refund stands until a person has set it against its order. */
async function resolveBillFindings(db: Db, accountNo: number, scope: Scope, now: Micros): Promise<void> {
  await db.query(
    `UPDATE bill_findings f SET resolved_at = $3::timestamptz FROM compared c
     WHERE f.account_no = $1::smallint AND f.scope = $2::text AND f.resolved_at IS NULL AND f.kind IN ('missing', 'extra', 'different')
       AND c.month = f.month AND c.key = f.key AND c.currency = f.currency AND c.theirs IS NOT NULL AND c.verdict <> f.kind`,
    [accountNo, scope, stamp(now)],
  );
}

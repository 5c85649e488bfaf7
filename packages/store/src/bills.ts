import type { Micros } from "@quarterpast/domain";
import { inTransaction, stamp, type Db, type Pool } from "./db.js";

/** One line of a bill as it is kept. */
export interface NewBillLine {
  line: number;
  /** First days of months: of the bill, and of the usage where it is another. */
  month: string;
  usageMonth: string;
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
    const { rows } = await db.query<{ id: number }>(
      `INSERT INTO statements (account_no, source, complete, lines, taken_at)
       VALUES ($1::smallint, $2::text, $3::boolean, $4::integer, $5::timestamptz) RETURNING statement_id AS id`,
      [bill.accountNo, bill.source, bill.complete, bill.lines.length, stamp(now)],
    );
    const statementId = rows[0]!.id;
    await insertLines(db, statementId, bill.lines);
    const scope = scopeOf(bill.lines);
    await compare(db, statementId, bill, scope);
    const found = await noteFindings(db, statementId, bill.accountNo, scope, now);
    await resolveBillFindings(db, bill.accountNo, scope, now);
    return { statementId, lines: bill.lines.length, ...found };
  });
}

function scopeOf(lines: readonly NewBillLine[]): Scope {
  const charges = lines.filter(({ refund }) => !refund);
  if (charges.every(({ sn }) => sn !== null)) return "record";
  return charges.every(({ instanceId }) => instanceId !== null) ? "instance" : "product";
}

async function insertLines(db: Db, statementId: number, lines: readonly NewBillLine[]): Promise<void> {
  await db.query(
    `INSERT INTO bill_lines (statement_id, line, month, usage_month, sn, instance_id, product, customer, order_id, quantity,
       amount, currency, refund)
     SELECT $1::bigint, t.* FROM unnest($2::integer[], $3::date[], $4::date[], $5::text[], $6::text[], $7::text[], $8::text[],
       $9::text[], $10::numeric[], $11::numeric[], $12::text[], $13::boolean[]) AS t`,
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
    ],
  );
}

const KEYS: Record<Scope, { line: string; revenue: string }> = {
  record: { line: "sn", revenue: "sn" },
  instance: { line: "instance_id", revenue: "instance_id" },
  product: { line: "product", revenue: "product" },
};

/**
 * One row per month, key and currency with both sums. The marketplace may round every line: half a unit of the bill's
 * last decimal for each of a key's lines is no difference. An incomplete bill may lack lines of a key: less is no
 * difference then, but for a record, which is one line.
 */
async function compare(db: Db, statementId: number, bill: NewBill, scope: Scope): Promise<void> {
  const key = KEYS[scope];
  await db.query(
    `CREATE TEMP TABLE compared ON COMMIT DROP AS
     WITH digits AS (
       SELECT greatest(2, COALESCE(max(scale(amount)), 2)) AS decimals FROM bill_lines WHERE statement_id = $1::bigint
     ), theirs AS (
       SELECT usage_month AS month, ${key.line} AS key, currency, sum(amount) AS amount, count(*) AS lines FROM bill_lines
       WHERE statement_id = $1::bigint AND NOT refund AND ${key.line} IS NOT NULL GROUP BY 1, 2, 3
     ), ours AS (
       SELECT month, ${key.revenue} AS key, currency, sum(amount) AS amount FROM billing.revenue
       WHERE account = (SELECT code FROM accounts WHERE account_no = $2::smallint) AND expected
         AND state NOT IN ('frozen', 'sent') AND amount IS NOT NULL AND month = ANY (ARRAY(SELECT DISTINCT month FROM theirs))
       GROUP BY 1, 2, 3
     )
     SELECT month, key, currency, o.amount AS ours, t.amount AS theirs,
       CASE WHEN t.amount IS NULL THEN CASE WHEN $3::boolean AND round(o.amount, decimals) <> 0 THEN 'missing' ELSE 'agreed' END
            WHEN o.amount IS NULL THEN CASE WHEN t.amount = 0 THEN 'agreed' ELSE 'extra' END
            WHEN abs(t.amount - o.amount) <= t.lines * 0.5 * power(10::numeric, -decimals) THEN 'agreed'
            WHEN t.amount < o.amount AND NOT $3::boolean AND $4::text <> 'record' THEN 'agreed'
            ELSE 'different' END AS verdict
     FROM ours o FULL JOIN theirs t USING (month, key, currency), digits`,
    [statementId, bill.accountNo, bill.complete, scope],
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
       INSERT INTO bill_findings (account_no, kind, month, scope, key, currency, ours, theirs, statement_id, found_at)
       SELECT $2::smallint, kind, month, scope, key, currency, ours, theirs, $1::bigint, $4::timestamptz FROM found
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

/** Ends findings of money that this bill shows healed. Refunds and late charges are facts: they stand. */
async function resolveBillFindings(db: Db, accountNo: number, scope: Scope, now: Micros): Promise<void> {
  await db.query(
    `UPDATE bill_findings f SET resolved_at = $3::timestamptz FROM compared c
     WHERE f.account_no = $1::smallint AND f.scope = $2::text AND f.resolved_at IS NULL AND f.kind IN ('missing', 'extra', 'different')
       AND c.month = f.month AND c.key = f.key AND c.currency = f.currency AND c.theirs IS NOT NULL AND c.verdict <> f.kind`,
    [accountNo, scope, stamp(now)],
  );
}

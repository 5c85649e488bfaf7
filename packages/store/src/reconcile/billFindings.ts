import { COMPARED_FINDINGS, type BillScope, type Micros } from "@quarterpast/domain";
import { oneOf } from "../db/closedSets.js";
import { stamp, type Db } from "../db/database.js";

/** Numbers of a bill's keys by the result of the comparison. */
export interface BillCounts {
  /** Keys whose money agrees. */
  agreed: number;
  missing: number;
  extra: number;
  different: number;
  late: number;
  refunded: number;
}

/**
 * Records the differences of a bill's staged comparison (`compared`), its refunds and what it charges late. @returns
 * counts
 */
export async function noteBillFindings(
  db: Db,
  statementId: number,
  accountNo: number,
  scope: BillScope,
  lineKey: string,
  now: Micros,
): Promise<BillCounts> {
  const { rows } = await db.query<{ kind: string; count: number }>(
    `WITH found AS (
       SELECT verdict AS kind, month, $3::text AS scope, key, currency, ours, theirs FROM compared WHERE verdict <> 'agreed'
       UNION ALL
       SELECT CASE WHEN refund THEN 'refunded' ELSE 'late' END, usage_month, $3::text, COALESCE(${lineKey}, order_id, 'line ' || line),
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

/**
 * Ends money differences that this bill shows resolved. A refund stays open until a person has compared it with its
 * order.
 */
export async function resolveBillFindings(
  db: Db,
  accountNo: number,
  scope: BillScope,
  now: Micros,
): Promise<void> {
  await db.query(
    `UPDATE bill_findings f SET resolved_at = $3::timestamptz FROM compared c
     WHERE f.account_no = $1::smallint AND f.scope = $2::text AND f.resolved_at IS NULL AND f.kind IN ${oneOf(COMPARED_FINDINGS)}
       AND c.month = f.month AND c.key = f.key AND c.currency = f.currency AND c.theirs IS NOT NULL AND c.verdict <> f.kind`,
    [accountNo, scope, stamp(now)],
  );
}

/** Findings of an account: a condition with parameters from `$3` on, and their values. */
export interface WhichFindings {
  where: string;
  values: readonly unknown[];
}

/** Ends money differences that a person settled. @returns how many were open */
export async function settleBillFindings(
  db: Db,
  accountNo: number,
  which: WhichFindings,
  now: Micros,
): Promise<number> {
  const { rowCount } = await db.query(
    `UPDATE bill_findings SET resolved_at = $2::timestamptz, settled = true
     WHERE account_no = $1::smallint AND resolved_at IS NULL AND ${which.where}`,
    [accountNo, stamp(now), ...which.values],
  );
  return rowCount ?? 0;
}

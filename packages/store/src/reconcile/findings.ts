import {
  HEALED_FINDINGS,
  STATED_GROUPS,
  type FindingKind,
  type Micros,
  type Period,
  type RecordFindingKind,
} from "@quarterpast/domain";
import { writeAudit, type Actor } from "../catalog/audit.js";
import { oneOf } from "../db/closedSets.js";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";
import { settleBillFindings, type WhichFindings } from "./billFindings.js";

/** A difference with the money at stake. */
export interface Finding {
  id: string;
  kind: FindingKind;
  scope: "record" | "instance" | "product";
  key: string;
  instanceId: string | null;
  /** Begin of the record, or of the month. */
  since: Micros;
  ours: string | null;
  theirs: string | null;
  code: string | null;
  currency: string | null;
  /** Decimal text; null if no price is known. */
  atStake: string | null;
  foundAt: Micros;
  resolvedAt: Micros | null;
  statement: string;
}

/** Differences by id, `limit` of them after `after`; the open ones, or all. */
export async function listFindings(
  db: Db,
  account: string,
  {
    standing,
    kind,
    after,
    limit,
  }: { standing: boolean; kind?: FindingKind | undefined; after: string; limit: number },
): Promise<Finding[]> {
  const { rows } = await db.query<Finding>(
    `SELECT id, kind, scope, key, instance_id AS "instanceId", since, trim_scale(ours)::text AS ours,
       trim_scale(theirs)::text AS theirs, code, currency, trim_scale(at_stake)::text AS "atStake", found_at AS "foundAt",
       resolved_at AS "resolvedAt", statement
     FROM billing.findings WHERE account = $1::text AND (NOT $2::boolean OR resolved_at IS NULL) AND id > $3::text
       AND ($5::text IS NULL OR kind = $5::text)
     ORDER BY id LIMIT $4::integer`,
    [account, standing, after, limit, kind ?? null],
  );
  return rows;
}

/** A statement whose differences are recorded. */
export interface TakenStatement {
  statementId: number;
  accountNo: number;
}

/**
 * Records the differences that a query returns (`sn`, `instance_id`, `begin_at`, `end_at`, `ours`, `theirs`, `code`),
 * except those that are open already, and those that a person has settled with the same values, which are not new
 * when found again.
 * @returns how many are new
 */
export async function noteFindings(
  db: Db,
  { statementId, accountNo }: TakenStatement,
  kind: RecordFindingKind,
  query: string,
  now: Micros,
): Promise<number> {
  const { rowCount } = await db.query(
    `INSERT INTO findings (account_no, kind, sn, instance_id, begin_at, end_at, ours, theirs, code, statement_id, found_at)
     SELECT $1::smallint, $2::text, q.sn, q.instance_id, q.begin_at, q.end_at, q.ours, q.theirs, q.code, $3::bigint, $4::timestamptz
     FROM (${query}) q WHERE NOT EXISTS (SELECT 1 FROM findings f WHERE f.settled
       AND f.account_no = $1::smallint AND f.kind = $2::text AND f.sn = q.sn AND f.theirs IS NOT DISTINCT FROM q.theirs)
     ON CONFLICT (account_no, kind, sn) WHERE resolved_at IS NULL DO NOTHING`,
    [accountNo, kind, statementId, stamp(now)],
  );
  return rowCount ?? 0;
}

/**
 * Ends findings that the staged statement, or a re-report that it shows billed, has resolved.
 * @param range the begins that a complete statement covers: only there does it show that a difference is gone
 */
export async function resolveFindings(
  db: Db,
  accountNo: number,
  range: Period | undefined,
  now: Micros,
): Promise<void> {
  await db.query(
    `UPDATE findings f SET resolved_at = $4::timestamptz
     WHERE f.account_no = $1::smallint AND f.resolved_at IS NULL AND (
       (f.kind IN ${oneOf(HEALED_FINDINGS)}
         AND EXISTS (SELECT 1 FROM stated t WHERE t.sn = f.sn AND t.verdict IN ${oneOf(STATED_GROUPS.good)}))
       OR (f.kind = 'abnormal' AND EXISTS (
         SELECT 1 FROM records n JOIN stated t ON t.sn = n.sn WHERE n.replaces = f.sn AND t.verdict IN ${oneOf(STATED_GROUPS.good)}))
       OR (f.kind = 'extra' AND f.begin_at >= $2::timestamptz AND f.begin_at < $3::timestamptz
         AND NOT EXISTS (SELECT 1 FROM stated t WHERE t.sn = f.sn)))`,
    [accountNo, range ? stamp(range.from) : null, range ? stamp(range.to) : null, stamp(now)],
  );
}

/** Ends findings of days that the staged statement by day (`days`) shows otherwise, or healed. */
export async function resolveDayFindings(db: Db, accountNo: number, now: Micros): Promise<void> {
  await db.query(
    `UPDATE findings f SET resolved_at = $2::timestamptz FROM days d
     WHERE f.account_no = $1::smallint AND f.resolved_at IS NULL AND f.sn = d.name AND d.verdict NOT IN ('waits', f.kind)`,
    [accountNo, stamp(now)],
  );
}

/** A record with the time when the marketplace collected it. */
export interface Collected {
  sn: string;
  collectedAt: Micros;
}

/**
 * Records that were collected into a bill after their window: they are charged late, nothing is lost and nothing is
 * left to do, so the finding is resolved when it is created. A record of an instance billed daily has the day's
 * window.
 * @returns how many are new.
 */
export async function noteLate(
  db: Db,
  statementId: number,
  collected: readonly Collected[],
  now: Micros,
): Promise<number> {
  const { rowCount } = await db.query(
    `INSERT INTO findings (account_no, kind, sn, instance_id, begin_at, end_at, ours, statement_id, found_at,
       resolved_at, valued_at, at_stake)
     SELECT r.account_no, 'late', r.sn, i.instance_id, r.begin_at, r.end_at, r.quantity, s.statement_id, $4::timestamptz,
       $4::timestamptz, $4::timestamptz, 0
     FROM unnest($2::text[], $3::timestamptz[]) AS t (sn, collected_at)
     JOIN statements s ON s.statement_id = $1::bigint
     JOIN records r ON r.sn = t.sn AND r.account_no = s.account_no JOIN instances i USING (instance_no)
     -- The collection itself begins as the window ends, and takes its time.
     WHERE t.collected_at > r.window_ends + interval '30 minutes'
       AND NOT EXISTS (SELECT 1 FROM findings f WHERE f.account_no = r.account_no AND f.kind = 'late' AND f.sn = r.sn)
     ON CONFLICT DO NOTHING`,
    [
      statementId,
      collected.map(({ sn }) => sn),
      collected.map(({ collectedAt }) => stamp(collectedAt)),
      stamp(now),
    ],
  );
  return rowCount ?? 0;
}

const VALUED_AT_ONCE = 5_000;

/**
 * Computes the money at stake of findings without a value: for a record its price, for another quantity the
 * difference, for a record that is not ours what its instance would pay.
 * @returns how many; call again until it is 0.
 */
export async function valueFindings(pool: Pool, accountNo: number, now: Micros): Promise<number> {
  return inTransaction(pool, async (db) => {
    await db.query("SET LOCAL statement_timeout = '10min'");
    const { rows } = await db.query<{ id: number; instanceId: string }>(
      `SELECT finding_id AS id, instance_id AS "instanceId" FROM findings
       WHERE account_no = $1::smallint AND valued_at IS NULL ORDER BY instance_id LIMIT $2::integer FOR UPDATE SKIP LOCKED`,
      [accountNo, VALUED_AT_ONCE],
    );
    if (rows.length === 0) return 0;
    const instances = [...new Set(rows.map((row) => row.instanceId))];
    await db.query(
      `CREATE TEMP TABLE valued ON COMMIT DROP AS
       SELECT sn, model, bands, free, used_before, currency, amount FROM billing.revenue
       WHERE instance_id = ANY ($2::text[]) AND account = (SELECT code FROM accounts WHERE account_no = $1::smallint)`,
      [accountNo, instances],
    );
    await db.query("CREATE INDEX ON valued (sn); ANALYZE valued");
    await db.query(
      `UPDATE findings f SET valued_at = $2::timestamptz, currency = COALESCE(v.currency, p.currency), at_stake = CASE f.kind
         WHEN 'extra' THEN billing.charge(p.model, p.bands, p.free, 0, f.theirs)
         WHEN 'different' THEN abs(billing.charge(v.model, v.bands, v.free, v.used_before, f.theirs) - v.amount)
         ELSE v.amount END
       FROM unnest($1::bigint[]) AS one (finding_id)
       JOIN findings o USING (finding_id)
       LEFT JOIN valued v ON v.sn = o.sn
       LEFT JOIN instances i ON i.account_no = o.account_no AND i.instance_id = o.instance_id
       LEFT JOIN LATERAL (
         SELECT model, currency, bands, free FROM price_plans p
         WHERE o.kind = 'extra' AND p.account_no = o.account_no AND p.product = i.product AND p.meter_no = i.meter_no
           AND p.valid_from <= o.begin_at ORDER BY p.valid_from DESC, p.plan_id DESC LIMIT 1
       ) p ON true
       WHERE f.finding_id = one.finding_id`,
      [rows.map((row) => row.id), stamp(now)],
    );
    return rows.length;
  });
}

/** Marks open differences to be valued again, because a price of their product was added. */
export async function revalueFindings(db: Db, accountNo: number, product: string): Promise<void> {
  await db.query(
    `UPDATE findings f SET valued_at = NULL FROM instances i
     WHERE f.resolved_at IS NULL AND i.account_no = f.account_no AND i.instance_id = f.instance_id
       AND i.account_no = $1::smallint AND i.product = $2::text`,
    [accountNo, product],
  );
}

/**
 * Ends a difference that a person settled elsewhere, with the reason in the audit; money and records do not change.
 * @param id as in the views: `q…` for quantities, `m…` for money. @returns false if no such difference is open.
 */
export async function settleFinding(
  pool: Pool,
  actor: Actor,
  id: string,
  reason: string,
  now: Micros,
): Promise<boolean> {
  const settle = id.startsWith("m") ? settleBillFindings : settleFindings;
  return inTransaction(pool, async (db) => {
    const settled = await settle(
      db,
      actor.accountNo,
      { where: "finding_id = $3::bigint", values: [id.slice(1)] },
      now,
    );
    if (settled !== 1) return false;
    await writeAudit(db, actor, { act: "findings.settle", ref: id, after: { reason } }, now);
    return true;
  });
}

/** Ends the differences that a case is about, because they end together with the case. */
export async function settleFindingsOf(
  db: Db,
  accountNo: number,
  { kind, ref }: { kind: string; ref: string },
  now: Micros,
): Promise<void> {
  if (kind.startsWith("bill_")) {
    const where =
      "'bill_' || kind = $3::text AND concat_ws(' ', to_char(month, 'YYYY-MM'), key, currency) = $4::text";
    await settleBillFindings(db, accountNo, { where, values: [kind, ref] }, now);
  } else if (kind === "extra" || kind.startsWith("record_")) {
    await settleFindings(db, accountNo, { where: "sn = $3::text", values: [ref] }, now);
  }
}

async function settleFindings(db: Db, accountNo: number, which: WhichFindings, now: Micros): Promise<number> {
  const { rowCount } = await db.query(
    `UPDATE findings SET resolved_at = $2::timestamptz, settled = true
     WHERE account_no = $1::smallint AND resolved_at IS NULL AND ${which.where}`,
    [accountNo, stamp(now), ...which.values],
  );
  return rowCount ?? 0;
}

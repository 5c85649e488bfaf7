import type { CaseKind, CaseResolution, Micros } from "@quarterpast/domain";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";
import { NAMED_ACCOUNT } from "../usage/events.js";
import { WAITS } from "../usage/quarantine.js";

/** How long quarantined events may wait for their binding before a person is asked. */
const QUARANTINE_PATIENCE = "interval '15 minutes'";

/**
 * What needs a person and has no case yet: (kind, ref, detail, due). A record has one open case at a time, and never
 * again one of a kind that was settled. A record sent more than once and already there never gets here: it is not
 * abnormal (SPEC 6).
 */
const WANTED = `
  SELECT 'record_' || b.state AS kind, b.sn AS ref, concat_ws(' ', b.instance_id, b.begin_at, b.quantity, b.code) AS detail,
    greatest(least(b.expires, $2::timestamptz + interval '1 day'), $2::timestamptz) AS due_at
  FROM (
    SELECT r.sn FROM submissions s JOIN records r ON r.account_no = s.account_no AND r.shard = s.shard
      AND r.seq BETWEEN s.seq_from AND s.seq_to
    WHERE s.account_no = $1::smallint AND is_troubled(s.state)
    UNION SELECT o.sn FROM outcomes o JOIN records r USING (sn)
    WHERE r.account_no = $1::smallint AND is_watched(o.state)
  ) t JOIN LATERAL (SELECT * FROM billing.records b WHERE b.sn = t.sn) b ON true
  WHERE (is_troubled(b.state) OR (b.state = 'missing' AND b.expires <= $2::timestamptz)) AND NOT EXISTS (
    SELECT 1 FROM cases c WHERE c.account_no = $1::smallint AND c.ref = b.sn AND starts_with(c.kind, 'record_')
      AND (c.resolved_at IS NULL OR c.kind = 'record_' || b.state))
  UNION ALL
  SELECT 'extra', f.sn, concat_ws(' ', f.instance_id, f.begin_at, f.theirs), $2::timestamptz + interval '1 day'
  FROM findings f WHERE f.account_no = $1::smallint AND f.kind = 'extra' AND f.resolved_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.account_no = $1::smallint AND c.kind = 'extra' AND c.ref = f.sn)
  UNION ALL
  SELECT 'bill_' || f.kind, concat_ws(' ', to_char(f.month, 'YYYY-MM'), f.key, f.currency),
    concat_ws(' ', f.ours, f.theirs), $2::timestamptz + interval '3 days'
  FROM bill_findings f WHERE f.account_no = $1::smallint AND f.kind <> 'late' AND f.resolved_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM cases c WHERE c.account_no = $1::smallint AND c.kind = 'bill_' || f.kind
      AND c.ref = concat_ws(' ', to_char(f.month, 'YYYY-MM'), f.key, f.currency))
  UNION ALL
  SELECT DISTINCT 'event_conflict', s.source || ' ' || x.key, concat_ws(' ', x.subject, x.meter, x.quantity),
    $2::timestamptz + interval '1 day'
  FROM conflicts x JOIN sources s USING (source_no) JOIN events e USING (source_no, key)
  LEFT JOIN instances i USING (instance_no) LEFT JOIN meters m USING (meter_no)
  LEFT JOIN quarantine q USING (source_no, key)
  WHERE (x.subject, x.meter, x.quantity, x.value, x.account) IS DISTINCT FROM
      (COALESCE(i.subject, q.subject), COALESCE(m.code, q.meter), e.quantity, e.value, ${NAMED_ACCOUNT})
    AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.kind = 'event_conflict' AND c.ref = s.source || ' ' || x.key)
    AND COALESCE(i.account_no, waits_for_account(q.account, q.subject, q.meter)) IS NOT DISTINCT FROM $1::smallint
  UNION ALL
  SELECT 'quarantine', concat_ws(' ', q.reason, q.meter, q.subject), sum(q.events) || ' events', $2::timestamptz + interval '1 day'
  FROM (
    SELECT q.reason, q.meter, q.subject, q.account, count(*) AS events FROM quarantine q
    WHERE ${WAITS} AND q.quarantined_at <= $2::timestamptz - ${QUARANTINE_PATIENCE}
      AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.account_no IS NOT DISTINCT FROM $1::smallint AND c.kind = 'quarantine'
        AND c.ref = concat_ws(' ', q.reason, q.meter, q.subject) AND (c.resolved_at IS NULL OR c.resolved_at >= q.quarantined_at))
    GROUP BY q.reason, q.meter, q.subject, q.account
  ) q WHERE waits_for_account(q.account, q.subject, q.meter) IS NOT DISTINCT FROM $1::smallint
  GROUP BY q.reason, q.meter, q.subject
  UNION ALL
  SELECT 'unbillable', i.instance_id || ' ' || to_char(u.hour, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), u.quantity || ': ' || u.reason,
    $2::timestamptz + interval '3 days'
  FROM unbillable u JOIN instances i USING (instance_no) WHERE i.account_no = $1::smallint AND NOT EXISTS (
    SELECT 1 FROM cases c WHERE c.account_no = $1::smallint AND c.kind = 'unbillable'
      AND c.ref = i.instance_id || ' ' || to_char(u.hour, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))`;

/** Calls that only a statement can settle, and whose window passed without one: a person has to import it. */
const WAITING = `
  SELECT 'call_unknown', s.submission_id::text,
    concat_ws(' ', s.seq_to - s.seq_from + 1, 'records', s.host, s.code, s.created_at), least(s.expires, $2::timestamptz + interval '1 day')
  FROM submissions s WHERE s.account_no = $1::smallint AND s.state = 'unknown' AND s.next_at = 'infinity'
    AND s.deadline <= $2::timestamptz AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.account_no = $1::smallint
      AND c.kind = 'call_unknown' AND c.ref = s.submission_id::text
      AND (c.resolved_at IS NULL OR c.resolved_at >= COALESCE(s.settled_at, s.created_at)))`;

/** Cases that are no longer needed. */
const SETTLED = `
  (starts_with(c.kind, 'record_') AND EXISTS (
    SELECT 1 FROM billing.records b WHERE b.sn = c.ref AND is_settled(b.state)))
  OR (c.kind = 'extra' AND NOT EXISTS (
    SELECT 1 FROM findings f WHERE f.account_no = c.account_no AND f.kind = 'extra' AND f.sn = c.ref AND f.resolved_at IS NULL))
  OR (starts_with(c.kind, 'bill_') AND NOT EXISTS (
    SELECT 1 FROM bill_findings f WHERE f.account_no = c.account_no AND 'bill_' || f.kind = c.kind AND f.resolved_at IS NULL
      AND concat_ws(' ', to_char(f.month, 'YYYY-MM'), f.key, f.currency) = c.ref))
  OR (c.kind = 'call_unknown' AND NOT EXISTS (
    SELECT 1 FROM submissions s WHERE s.account_no = c.account_no AND s.submission_id::text = c.ref AND s.state = 'unknown' AND s.next_at = 'infinity'))
  OR (c.kind = 'quarantine' AND NOT EXISTS (
    SELECT 1 FROM quarantine q WHERE ${WAITS} AND concat_ws(' ', q.reason, q.meter, q.subject) = c.ref
      AND waits_for_account(q.account, q.subject, q.meter) IS NOT DISTINCT FROM c.account_no))`;

/**
 * Opens a case for all that calls for a person, and ends those that have settled themselves; each once.
 * @param accountNo null: for what is of no single account, and so waits for the seller
 */
export async function keepCases(
  pool: Pool,
  accountNo: number | null,
  now: Micros,
): Promise<{ opened: number; settled: number }> {
  return inTransaction(pool, async (db) => {
    await db.query("SET LOCAL statement_timeout = '10min'");
    const opened = await db.query(
      `WITH opened AS (
         INSERT INTO cases (account_no, kind, ref, detail, opened_at, due_at)
         SELECT $1::smallint, kind, ref, detail, $2::timestamptz, due_at FROM (${WANTED} UNION ALL ${WAITING}) AS wanted
         ON CONFLICT (account_no, kind, ref) WHERE resolved_at IS NULL DO NOTHING RETURNING case_id, detail
       )
       INSERT INTO case_history (case_id, at, key_id, act, detail)
       SELECT case_id, $2::timestamptz, '', 'opened', jsonb_build_object('detail', detail) FROM opened`,
      [accountNo, stamp(now)],
    );
    const settled = await db.query(
      `WITH settled AS (
         UPDATE cases c SET resolved_at = $2::timestamptz, resolution = 'settled'
         WHERE c.account_no IS NOT DISTINCT FROM $1::smallint AND c.resolved_at IS NULL AND (${SETTLED}) RETURNING case_id
       )
       INSERT INTO case_history (case_id, at, key_id, act, detail)
       SELECT case_id, $2::timestamptz, '', 'settled', '{}' FROM settled`,
      [accountNo, stamp(now)],
    );
    return { opened: opened.rowCount ?? 0, settled: settled.rowCount ?? 0 };
  });
}

/** Something a person has to settle. */
export interface OpenCase {
  caseId: number;
  /** Null: it is about what belongs to the seller. */
  account: string | null;
  accountNo: number | null;
  kind: CaseKind;
  ref: string;
  detail: string;
  owner: string | null;
  openedAt: Micros;
  dueAt: Micros;
  resolvedAt: Micros | null;
  resolution: CaseResolution | null;
}

/** Whose cases may be seen: those of these accounts, and the seller's own. */
export interface CaseScope {
  accountNos: readonly number[];
  seller: boolean;
}

const IN_SCOPE = "(account_no = ANY ($1::smallint[]) OR (account_no IS NULL AND $2::boolean))";

const SELECT = `SELECT case_id AS "caseId", account_no AS "accountNo",
  (SELECT code FROM accounts WHERE accounts.account_no = cases.account_no) AS account, kind, ref, detail, owner, opened_at AS "openedAt",
  COALESCE(due_at, opened_at + interval '1 day') AS "dueAt", resolved_at AS "resolvedAt",
  COALESCE(resolution, CASE WHEN resolved_at IS NOT NULL THEN 'settled' END) AS resolution FROM cases`;

/** Cases by number, `limit` of them after `after`; the open ones, or all. */
export async function readCases(
  db: Db,
  { accountNos, seller }: CaseScope,
  filter: {
    all: boolean;
    kind?: string | undefined;
    owner?: string | undefined;
    after: number;
    limit: number;
  },
): Promise<OpenCase[]> {
  const { rows } = await db.query<OpenCase>(
    `${SELECT} WHERE ${IN_SCOPE} AND ($3::boolean OR resolved_at IS NULL) AND case_id > $4::bigint
       AND ($5::text IS NULL OR kind = $5::text) AND ($6::text IS NULL OR owner = $6::text)
     ORDER BY case_id LIMIT $7::integer`,
    [
      ...[[...accountNos], seller, filter.all, filter.after],
      ...[filter.kind ?? null, filter.owner ?? null, filter.limit],
    ],
  );
  return rows;
}

/** Open cases of a kind. */
export interface CaseCount {
  kind: CaseKind;
  open: number;
  overdue: number;
  unowned: number;
}

/** How many cases of each kind are open, overdue, and without an owner. */
export async function countCases(db: Db, accountNo: number | null, now: Micros): Promise<CaseCount[]> {
  const { rows } = await db.query<CaseCount>(
    `SELECT kind, count(*) AS open, count(*) FILTER (WHERE owner IS NULL) AS unowned,
       count(*) FILTER (WHERE COALESCE(due_at, opened_at + interval '1 day') < $2::timestamptz) AS overdue
     FROM cases WHERE account_no IS NOT DISTINCT FROM $1::smallint AND resolved_at IS NULL GROUP BY kind ORDER BY kind`,
    [accountNo, stamp(now)],
  );
  return rows;
}

export interface CaseEntry {
  at: Micros;
  keyId: string;
  act: string;
  detail: Record<string, unknown>;
}

/** One case with its history. @param lock until the transaction ends. */
export async function findCase(
  db: Db,
  { accountNos, seller }: CaseScope,
  caseId: number,
  lock = false,
): Promise<(OpenCase & { history: CaseEntry[] }) | undefined> {
  const { rows } = await db.query<OpenCase>(
    `${SELECT} WHERE ${IN_SCOPE} AND case_id = $3::bigint${lock ? " FOR UPDATE" : ""}`,
    [[...accountNos], seller, caseId],
  );
  const found = rows[0];
  if (!found) return undefined;
  const history = await db.query<CaseEntry>(
    `SELECT at, key_id AS "keyId", act, detail FROM case_history WHERE case_id = $1::bigint ORDER BY entry_id`,
    [caseId],
  );
  return { ...found, history: history.rows };
}

/** What a person has to settle, as the finder describes it. */
export interface Case {
  kind: CaseKind;
  ref: string;
  detail: string;
}

/** Raises a case, unless it is open already. */
export async function raiseCase(db: Db, accountNo: number, wanted: Case, now: Micros): Promise<void> {
  await db.query(
    `INSERT INTO cases (account_no, kind, ref, detail, opened_at)
     VALUES ($1::smallint, $2::text, $3::text, $4::text, $5::timestamptz) ON CONFLICT DO NOTHING`,
    [accountNo, wanted.kind, wanted.ref, wanted.detail, stamp(now)],
  );
}

/** Resolves the open cases of an instance; all of them, or all except one kind. */
export async function resolveCases(
  db: Db,
  accountNo: number,
  ref: string,
  now: Micros,
  except = "",
): Promise<void> {
  await db.query(
    `UPDATE cases SET resolved_at = $3::timestamptz
     WHERE account_no = $1::smallint AND ref = $2::text AND resolved_at IS NULL AND kind <> $4::text`,
    [accountNo, ref, stamp(now), except],
  );
}

/** Gives a case to a person. */
export async function assignCase(
  db: Db,
  { accountNo, caseId }: Pick<OpenCase, "accountNo" | "caseId">,
  owner: string,
): Promise<void> {
  await db.query(
    `UPDATE cases SET owner = $3::text
     WHERE account_no IS NOT DISTINCT FROM $1::smallint AND case_id = $2::bigint`,
    [accountNo, caseId, owner],
  );
}

/** Ends a case at a person's request. */
export async function resolveCase(
  db: Db,
  { accountNo, caseId }: Pick<OpenCase, "accountNo" | "caseId">,
  resolution: Exclude<CaseResolution, "settled">,
  now: Micros,
): Promise<void> {
  await db.query(
    `UPDATE cases SET resolved_at = $3::timestamptz, resolution = $4::text
     WHERE account_no IS NOT DISTINCT FROM $1::smallint AND case_id = $2::bigint`,
    [accountNo, caseId, stamp(now), resolution],
  );
}

/** Adds an act, and the key that did it, to the history of a case. */
export async function addCaseEntry(db: Db, caseId: number, entry: CaseEntry): Promise<void> {
  await db.query(
    `INSERT INTO case_history (case_id, at, key_id, act, detail)
     VALUES ($1::bigint, $2::timestamptz, $3::text, $4::text, $5::jsonb)`,
    [caseId, stamp(entry.at), entry.keyId, entry.act, JSON.stringify(entry.detail)],
  );
}

import {
  hoursOf,
  statesAllowing,
  type Micros,
  type Period,
  type RecordHappening,
  type RecordState,
} from "@quarterpast/domain";
import { inTransaction, stamp, stamps, type Db, type Pool } from "../db/database.js";
import { noteLate } from "./findings.js";
import { nameLines } from "./statedLines.js";
import { settleWaiting, waitingRange } from "../records/heldSubmissions.js";

/** One record as the marketplace states it. */
export interface StatedLine {
  /** Empty where it has none: it is then of the record of its interval that went out without one. */
  serialNumber: string;
  instanceId: string;
  begin: Micros;
  end: Micros;
  quantity: string;
  state: "pending" | "normal" | "abnormal" | "billed";
  code?: string | undefined;
  /** When it was collected into a bill. */
  collectedAt?: Micros | undefined;
}

export interface NewStatement {
  accountNo: number;
  /** Where it came from: `api`, or the name of a file. */
  source: string;
  /** Only a complete statement can show that a record is missing. */
  complete: boolean;
  /** Product time when it was asked for: records accepted later cannot be in it. */
  askedAt: Micros;
  /** The begins it covers; where nobody tells, the whole hours from its first to its last. */
  range?: Period | undefined;
  lines: readonly StatedLine[];
  /** Codes that say "already there": for a record sent more than once, proof of delivery (SPEC 6). */
  duplicateCodes: readonly string[];
  /** Wire versions without a serial number; none where absent. */
  namedBySlot?: readonly number[] | undefined;
}

/** What a statement changed: it finds, it never edits money. */
export interface Reconciled {
  statementId: number;
  lines: number;
  /** Whether it could show that a record is missing: given as complete, and each of its lines is one record's. */
  complete: boolean;
  billed: number;
  abnormal: number;
  different: number;
  missing: number;
  extra: number;
  /** Collected after their window. */
  late: number;
  /** Of records that waited for it: there, and so accepted. */
  delivered: number;
  /** Of records that waited for it: not there, and so to be sent again. */
  again: number;
}

/** Takes a statement: sets it against our records, settles what it settles and notes every difference. */
export async function takeStatement(pool: Pool, given: NewStatement, now: Micros): Promise<Reconciled> {
  const range = given.range ?? hoursOf(given.lines.map(({ begin }) => begin));
  return inTransaction(pool, async (db) => {
    // A month's list is large; no shard waits for it.
    await db.query("SET LOCAL statement_timeout = '10min'");
    const { lines, isAmbiguous } = await nameLines(db, given.accountNo, given.lines, given.namedBySlot ?? []);
    const statement = { ...given, range, lines, complete: given.complete && !isAmbiguous };
    const statementId = await insertStatement(db, statement, now);
    await insertLines(db, statementId, statement.lines);
    await stageStated(db, statementId, statement);
    const found = { billed: 0, abnormal: 0, different: 0, missing: 0, extra: 0 };
    const taken = { statementId, accountNo: statement.accountNo };
    found.abnormal = await settle(db, taken, "abnormal", "stated_abnormal", now);
    found.different = await settle(db, taken, "different", "stated_different", now);
    // Before what is billed: it ends a call only once that is accepted.
    const released = await settleWaiting(db, statement.accountNo, statement, now);
    found.billed = await settleBilled(db, now);
    if (statement.complete) found.missing = await findMissing(db, statementId, statement, now);
    found.extra = await findExtra(db, statementId, statement.accountNo, now);
    const late = await noteLate(db, statementId, collectedOf(statement.lines), now);
    await resolveFindings(db, statement, now);
    const { complete } = statement;
    return { statementId, lines: statement.lines.length, complete, ...found, late, ...released };
  });
}

async function insertStatement(db: Db, statement: NewStatement, now: Micros): Promise<number> {
  const { range } = statement;
  const { rows } = await db.query<{ id: number }>(
    `INSERT INTO statements (account_no, source, complete, lines, taken_at, range_from, range_to)
     VALUES ($1::smallint, $2::text, $3::boolean, $4::integer, $5::timestamptz, $6::timestamptz, $7::timestamptz)
     RETURNING statement_id AS id`,
    [
      statement.accountNo,
      statement.source,
      statement.complete,
      statement.lines.length,
      // What was accepted after it was asked for cannot be in it, whenever it is read.
      stamp(Math.min(statement.askedAt, now)),
      range ? stamp(range.from) : null,
      range ? stamp(range.to) : null,
    ],
  );
  return rows[0]!.id;
}

const LINES_AT_ONCE = 5_000;

async function insertLines(db: Db, statementId: number, lines: readonly StatedLine[]): Promise<void> {
  for (let start = 0; start < lines.length; start += LINES_AT_ONCE) {
    const chunk = lines.slice(start, start + LINES_AT_ONCE);
    await db.query(
      `INSERT INTO statement_lines (statement_id, line, sn, instance_id, begin_at, end_at, quantity, state, code)
       SELECT $1::bigint, $2::integer + t.position, t.sn, t.instance_id, t.begin_at, t.end_at, t.quantity, t.state, t.code
       FROM unnest($3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::numeric[], $8::text[], $9::text[])
         WITH ORDINALITY AS t (sn, instance_id, begin_at, end_at, quantity, state, code, position)`,
      [
        statementId,
        start,
        chunk.map((line) => line.serialNumber),
        chunk.map((line) => line.instanceId),
        stamps(chunk.map((line) => line.begin)),
        stamps(chunk.map((line) => line.end)),
        chunk.map((line) => line.quantity),
        chunk.map((line) => line.state),
        chunk.map((line) => line.code ?? null),
      ],
    );
  }
}

/**
 * One row per serial number stated, with our record beside it. A serial number may have several lines: a good one
 * stands before an abnormal one, which is then a repeat of it.
 */
async function stageStated(
  db: Db,
  statementId: number,
  { duplicateCodes, accountNo }: NewStatement,
): Promise<void> {
  await db.query(
    `CREATE TEMP TABLE stated ON COMMIT DROP AS
     SELECT DISTINCT ON (l.sn) l.sn, l.instance_id, l.begin_at, l.end_at, l.quantity AS theirs, l.code, r.quantity AS ours,
       r.sn IS NOT NULL AS is_ours, r.state AS our_state, r.attempts,
       CASE WHEN r.sn IS NULL THEN l.state
            WHEN l.state = 'abnormal' AND l.code = ANY ($2::text[]) AND r.attempts > 1 THEN 'repeated'
            WHEN l.state = 'abnormal' THEN 'abnormal'
            WHEN l.quantity <> r.quantity THEN 'different'
            ELSE l.state END AS verdict
     FROM statement_lines l
     LEFT JOIN billing.records r ON r.sn = l.sn AND r.account = (SELECT code FROM accounts WHERE account_no = $3::smallint)
     WHERE l.statement_id = $1::bigint
     ORDER BY l.sn, array_position(ARRAY['billed', 'normal', 'pending', 'abnormal'], l.state), l.line`,
    [statementId, [...duplicateCodes], accountNo],
  );
  await db.query("CREATE INDEX ON stated (sn); ANALYZE stated");
}

/** Records without an outcome of their own are billed through their call, when all of its records are settled. */
async function settleBilled(db: Db, now: Micros): Promise<number> {
  const single = await db.query(
    `INSERT INTO outcomes (sn, state, source, at)
     SELECT sn, 'billed', 'statement', $2::timestamptz FROM stated
     WHERE verdict = 'billed' AND our_state = ANY ($1::text[])
       AND (our_state NOT IN ('accepted', 'duplicate') OR EXISTS (SELECT 1 FROM outcomes o WHERE o.sn = stated.sn))`,
    [statesAllowing("stated_billed"), stamp(now)],
  );
  const calls = await db.query<{ records: number }>(
    `WITH touched AS (
       SELECT DISTINCT s.submission_id, s.account_no, s.shard, s.seq_from, s.seq_to
       FROM stated t JOIN records r USING (sn)
       JOIN submissions s ON s.account_no = r.account_no AND s.shard = r.shard AND s.seq_to >= r.seq
         AND s.seq_from BETWEEN r.seq - 10000 AND r.seq
       WHERE t.verdict IN ('billed', 'abnormal', 'different') AND t.is_ours AND s.state IN ('accepted', 'duplicate')
     ), done AS (
       SELECT c.submission_id FROM touched c WHERE NOT EXISTS (
         SELECT 1 FROM records r LEFT JOIN stated t USING (sn)
         LEFT JOIN LATERAL (SELECT state FROM outcomes o WHERE o.sn = r.sn ORDER BY outcome_id DESC LIMIT 1) o ON true
         WHERE r.account_no = c.account_no AND r.shard = c.shard AND r.seq BETWEEN c.seq_from AND c.seq_to
           AND CASE WHEN o.state IS NULL THEN t.verdict IS DISTINCT FROM 'billed' ELSE o.state IN ('accepted', 'duplicate') END)
     ), billed AS (
       UPDATE submissions s SET state = 'billed', settled_at = $1::timestamptz FROM done
       WHERE s.submission_id = done.submission_id RETURNING s.account_no, s.shard, s.seq_from, s.seq_to
     )
     SELECT count(*) AS records FROM billed b JOIN records r ON r.account_no = b.account_no AND r.shard = b.shard
       AND r.seq BETWEEN b.seq_from AND b.seq_to WHERE NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.sn = r.sn)`,
    [stamp(now)],
  );
  return (single.rowCount ?? 0) + calls.rows[0]!.records;
}

async function settle(
  db: Db,
  { statementId, accountNo }: { statementId: number; accountNo: number },
  verdict: "abnormal" | "different",
  happening: RecordHappening,
  now: Micros,
): Promise<number> {
  const state: RecordState = verdict === "abnormal" ? "abnormal" : "conflict";
  const { rowCount } = await db.query(
    `INSERT INTO outcomes (sn, state, code, source, at)
     SELECT sn, $1::text, code, 'statement', $4::timestamptz FROM stated
     WHERE verdict = $2::text AND our_state = ANY ($3::text[]) AND our_state <> $1::text`,
    [state, verdict, statesAllowing(happening), stamp(now)],
  );
  await db.query(
    `INSERT INTO findings (account_no, kind, sn, instance_id, begin_at, end_at, ours, theirs, code, statement_id, found_at)
     SELECT $1::smallint, $2::text, t.sn, t.instance_id, t.begin_at, t.end_at, t.ours, t.theirs, t.code, $3::bigint, $4::timestamptz
     FROM stated t WHERE t.verdict = $2::text AND t.is_ours AND t.our_state <> 'replaced'
       AND ${notSettled("$2::text", "t.sn", "t.theirs")}
     ON CONFLICT (account_no, kind, sn) WHERE resolved_at IS NULL DO NOTHING`,
    [accountNo, verdict, statementId, stamp(now)],
  );
  return rowCount ?? 0;
}

/**
 * Records the marketplace took before it was asked and does not show: noted. What it had only accepted goes out again
 * as it was (SPEC 6); what it had billed is for a person to ask about.
 */
async function findMissing(
  db: Db,
  statementId: number,
  statement: NewStatement,
  now: Micros,
): Promise<number> {
  const { range } = statement;
  if (!range) return 0;
  const { rows } = await db.query<{ missing: number }>(
    `WITH missing AS (
       SELECT b.* FROM billing.records b
       WHERE b.account = (SELECT code FROM accounts WHERE account_no = $1::smallint)
         AND b.begin_at >= $2::timestamptz AND b.begin_at < $3::timestamptz AND b.settled_at < $4::timestamptz
         AND b.state IN ('accepted', 'duplicate', 'billed') AND NOT EXISTS (SELECT 1 FROM stated t WHERE t.sn = b.sn)
     ), noted AS (
       INSERT INTO findings (account_no, kind, sn, instance_id, begin_at, end_at, ours, statement_id, found_at)
       SELECT $1::smallint, 'missing', sn, instance_id, begin_at, end_at, quantity, $5::bigint, $6::timestamptz FROM missing
       WHERE ${notSettled("'missing'", "missing.sn", "NULL")}
       ON CONFLICT (account_no, kind, sn) WHERE resolved_at IS NULL DO NOTHING
     ), marked AS (
       INSERT INTO outcomes (sn, state, source, at)
       SELECT sn, 'missing', 'statement', $6::timestamptz FROM missing WHERE state <> 'billed'
     ), again AS (
       INSERT INTO submissions (account_no, shard, seq_from, seq_to, parent, host, state, deadline, expires, next_at, created_at)
       SELECT $1::smallint, m.shard, m.seq, m.seq, m.submission_id, s.host, 'frozen', m.window_ends, m.expires, now(), $6::timestamptz
       FROM missing m JOIN submissions s USING (submission_id) WHERE m.expires > $6::timestamptz AND m.state <> 'billed'
     )
     SELECT count(*) AS missing FROM missing`,
    [
      statement.accountNo,
      stamp(range.from),
      stamp(range.to),
      stamp(statement.askedAt),
      statementId,
      stamp(now),
    ],
  );
  return rows[0]!.missing;
}

function collectedOf(lines: readonly StatedLine[]): { sn: string; collectedAt: Micros }[] {
  return lines.flatMap(({ serialNumber: sn, collectedAt, state }) =>
    collectedAt === undefined || state !== "billed" ? [] : [{ sn, collectedAt }],
  );
}

/** Where a person has settled just this finding: found again, it is no news. `$1` is the account. */
const notSettled = (
  kind: string,
  sn: string,
  theirs: string,
) => `NOT EXISTS (SELECT 1 FROM findings f WHERE f.settled
  AND f.account_no = $1::smallint AND f.kind = ${kind} AND f.sn = ${sn} AND f.theirs IS NOT DISTINCT FROM ${theirs})`;

async function findExtra(db: Db, statementId: number, accountNo: number, now: Micros): Promise<number> {
  const { rowCount } = await db.query(
    `INSERT INTO findings (account_no, kind, sn, instance_id, begin_at, end_at, theirs, statement_id, found_at)
     SELECT $1::smallint, 'extra', sn, instance_id, begin_at, end_at, theirs, $2::bigint, $3::timestamptz FROM stated
     WHERE NOT is_ours AND verdict <> 'abnormal' AND ${notSettled("'extra'", "stated.sn", "stated.theirs")}
     ON CONFLICT (account_no, kind, sn) WHERE resolved_at IS NULL DO NOTHING`,
    [accountNo, statementId, stamp(now)],
  );
  return rowCount ?? 0;
}

/** Ends findings that this statement, or a re-report that it shows billed, has healed. */
async function resolveFindings(db: Db, statement: NewStatement, now: Micros): Promise<void> {
  // That something is gone shows only where a complete statement has looked.
  const range = statement.complete ? statement.range : undefined;
  await db.query(
    `UPDATE findings f SET resolved_at = $4::timestamptz
     WHERE f.account_no = $1::smallint AND f.resolved_at IS NULL AND (
       (f.kind IN ('missing', 'different', 'abnormal')
         AND EXISTS (SELECT 1 FROM stated t WHERE t.sn = f.sn AND t.verdict IN ('normal', 'billed')))
       OR (f.kind = 'abnormal' AND EXISTS (
         SELECT 1 FROM records n JOIN stated t ON t.sn = n.sn WHERE n.replaces = f.sn AND t.verdict IN ('normal', 'billed')))
       OR (f.kind = 'extra' AND f.begin_at >= $2::timestamptz AND f.begin_at < $3::timestamptz
         AND NOT EXISTS (SELECT 1 FROM stated t WHERE t.sn = f.sn)))`,
    [statement.accountNo, range ? stamp(range.from) : null, range ? stamp(range.to) : null, stamp(now)],
  );
}

/**
 * The begins of records that a statement must settle: those that wait for it, and of those whose window is over the
 * accepted ones, and refused ones of which an earlier call may have been taken.
 */
export async function unsettledRange(
  db: Db,
  accountNo: number,
  now: Micros,
): Promise<{ from: Micros; to: Micros } | undefined> {
  const { rows } = await db.query<{ from: Micros | null; to: Micros | null }>(
    `SELECT min(r.begin_at) AS "from", max(r.begin_at) + interval '1 second' AS "to"
     FROM submissions s JOIN records r ON r.account_no = s.account_no AND r.shard = s.shard AND r.seq BETWEEN s.seq_from AND s.seq_to
     WHERE s.account_no = $1::smallint AND s.deadline <= $2::timestamptz AND (s.state IN ('accepted', 'duplicate')
       OR (s.state IN ('rejected_fixable', 'rejected_final') AND r.begin_at > $2::timestamptz - interval '30 days'
         AND may_have_been_taken(r)))`,
    [accountNo, stamp(now)],
  );
  const waiting = await waitingRange(db, accountNo);
  const from = Math.min(rows[0]!.from ?? Infinity, waiting?.from ?? Infinity);
  const to = Math.max(rows[0]!.to ?? -Infinity, waiting?.to ?? -Infinity);
  return from < to ? { from, to } : undefined;
}

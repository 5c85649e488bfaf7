import {
  hoursOf,
  STATED_BEST_FIRST,
  STATED_GROUPS,
  statesAllowing,
  type Micros,
  type Period,
  type RecordHappening,
  type RecordState,
} from "@quarterpast/domain";
import { arrayOf, oneOf } from "../db/closedSets.js";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";
import { settleWaiting, waitingRange } from "../records/heldSubmissions.js";
import { insertOutcomesOf } from "../records/outcomes.js";
import { sendAgain, billCalls } from "../records/submissions.js";
import { noteFindings, noteLate, resolveFindings, type TakenStatement } from "./findings.js";
import { nameLines } from "./statedLines.js";
import { insertStatedLines, insertStatement, type StatedLine } from "./statements.js";

/** What a statement changed: it finds, it never edits money. */
export interface Reconciled {
  statementId: number;
  lines: number;
  /**
   * Whether it could show that a record is missing: given as complete, and each of its lines belongs to one record.
   */
  complete: boolean;
  billed: number;
  abnormal: number;
  different: number;
  missing: number;
  extra: number;
  /** Collected after their window. */
  late: number;
  /** Records that waited for it and are there, so accepted. */
  delivered: number;
  /** Records that waited for it and are not there, so to be sent again. */
  again: number;
}

export interface NewStatement {
  accountNo: number;
  /** Where it came from: `api`, or the name of a file. */
  source: string;
  /** Only a complete statement can show that a record is missing. */
  complete: boolean;
  /** Product time when it was requested: records accepted later cannot be in it. */
  askedAt: Micros;
  /** The begins it covers; by default the whole hours from its first to its last. */
  range?: Period | undefined;
  lines: readonly StatedLine[];
  /** Codes that say "already there": for a record sent more than once, proof of delivery (SPEC 6). */
  duplicateCodes: readonly string[];
  /** Wire versions without a serial number; none by default. */
  namedBySlot?: readonly number[] | undefined;
}

/** Takes a statement: compares it with our records, settles what it can and records every difference. */
export async function takeStatement(pool: Pool, given: NewStatement, now: Micros): Promise<Reconciled> {
  const range = given.range ?? hoursOf(given.lines.map(({ begin }) => begin));
  return inTransaction(pool, async (db) => {
    // A month's list is large, and no shard waits for this.
    await db.query("SET LOCAL statement_timeout = '10min'");
    const { lines, isAmbiguous } = await nameLines(db, given.accountNo, given.lines, given.namedBySlot ?? []);
    const statement = { ...given, range, lines, complete: given.complete && !isAmbiguous };
    const statementId = await insertStatement(db, {
      ...statement,
      lines: lines.length,
      // A record accepted after the request cannot be in it, whenever it is read.
      takenAt: Math.min(statement.askedAt, now),
    });
    await insertStatedLines(db, statementId, lines);
    await stageStated(db, statementId, statement);
    const found = { billed: 0, abnormal: 0, different: 0, missing: 0, extra: 0 };
    const taken = { statementId, accountNo: statement.accountNo };
    found.abnormal = await settle(db, taken, "abnormal", "stated_abnormal", now);
    found.different = await settle(db, taken, "different", "stated_different", now);
    // Before settling billed records, which end a call only once it is accepted.
    const released = await settleWaiting(db, statement.accountNo, statement, now);
    found.billed = await settleBilled(db, now);
    if (statement.complete) found.missing = await findMissing(db, taken, statement, now);
    found.extra = await noteFindings(db, taken, "extra", EXTRA, now);
    const late = await noteLate(db, statementId, collectedOf(statement.lines), now);
    // Only a complete statement shows that a difference is gone.
    await resolveFindings(db, statement.accountNo, statement.complete ? range : undefined, now);
    const { complete } = statement;
    return { statementId, lines: statement.lines.length, complete, ...found, late, ...released };
  });
}

/**
 * One row per serial number in the statement, with our record beside it. A serial number may have several lines: a
 * good one takes precedence over an abnormal one, which is then a repeat of it.
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
            WHEN l.quantity <> r.quantity OR r.state = 'carried' THEN 'different'
            ELSE l.state END AS verdict
     FROM statement_lines l
     LEFT JOIN billing.records r ON r.sn = l.sn AND r.account = (SELECT code FROM accounts WHERE account_no = $3::smallint)
     WHERE l.statement_id = $1::bigint
     ORDER BY l.sn, array_position(${arrayOf(STATED_BEST_FIRST)}, l.state), l.line`,
    [statementId, [...duplicateCodes], accountNo],
  );
  await db.query("CREATE INDEX ON stated (sn); ANALYZE stated");
}

/**
 * Settles what the staged statement shows billed. Records without an outcome of their own become billed with their call,
 * when all of its records are settled.
 */
export async function settleBilled(db: Db, now: Micros): Promise<number> {
  const single = await insertOutcomesOf(
    db,
    `SELECT sn, 'billed' AS state, NULL AS code FROM stated WHERE verdict = 'billed' AND our_state = ANY ($1::text[])
       AND (NOT is_delivered(our_state) OR EXISTS (SELECT 1 FROM outcomes o WHERE o.sn = stated.sn))`,
    [statesAllowing("stated_billed")],
    "statement",
    now,
  );
  return single + (await billCalls(db, SETTLED_CALLS, now));
}

/** Accepted calls whose records are all billed in the staged statement, or have an outcome of their own. */
const SETTLED_CALLS = `
  SELECT c.submission_id FROM (
    SELECT DISTINCT s.submission_id, s.account_no, s.shard, s.seq_from, s.seq_to
    FROM stated t JOIN records r USING (sn)
    JOIN submissions s ON s.account_no = r.account_no AND s.shard = r.shard AND s.seq_to >= r.seq
      AND s.seq_from BETWEEN r.seq - 10000 AND r.seq
    WHERE t.verdict IN ${oneOf(STATED_GROUPS.ending)} AND t.is_ours AND is_delivered(s.state)
  ) c WHERE NOT EXISTS (
    SELECT 1 FROM records r LEFT JOIN stated t USING (sn)
    LEFT JOIN LATERAL (SELECT state FROM outcomes o WHERE o.sn = r.sn ORDER BY outcome_id DESC LIMIT 1) o ON true
    WHERE r.account_no = c.account_no AND r.shard = c.shard AND r.seq BETWEEN c.seq_from AND c.seq_to
      AND CASE WHEN o.state IS NULL THEN t.verdict IS DISTINCT FROM 'billed' ELSE is_delivered(o.state) END)`;

async function settle(
  db: Db,
  taken: TakenStatement,
  verdict: "abnormal" | "different",
  happening: RecordHappening,
  now: Micros,
): Promise<number> {
  const state: RecordState = verdict === "abnormal" ? "abnormal" : "conflict";
  const settled = await insertOutcomesOf(
    db,
    `SELECT sn, $1::text AS state, code FROM stated
     WHERE verdict = $2::text AND our_state = ANY ($3::text[]) AND our_state <> $1::text`,
    [state, verdict, statesAllowing(happening)],
    "statement",
    now,
  );
  const stated = `SELECT sn, instance_id, begin_at, end_at, ours, theirs, code FROM stated
    WHERE verdict = '${verdict}' AND is_ours AND our_state <> 'replaced'`;
  await noteFindings(db, taken, verdict, stated, now);
  return settled;
}

/**
 * Records the marketplace accepted before the request and does not show. Those only accepted are sent again unchanged
 * (SPEC 6); about those billed, a person must ask.
 */
async function findMissing(
  db: Db,
  taken: TakenStatement,
  statement: NewStatement,
  now: Micros,
): Promise<number> {
  const { range } = statement;
  if (!range) return 0;
  const { rowCount } = await db.query(
    `CREATE TEMP TABLE absent ON COMMIT DROP AS
     SELECT b.sn, b.instance_id, b.begin_at, b.end_at, b.quantity AS ours, b.state FROM billing.records b
     WHERE b.account = (SELECT code FROM accounts WHERE account_no = $1::smallint)
       AND b.begin_at >= $2::timestamptz AND b.begin_at < $3::timestamptz AND b.settled_at < $4::timestamptz
       AND is_taken(b.state) AND NOT EXISTS (SELECT 1 FROM stated t WHERE t.sn = b.sn)`,
    [statement.accountNo, stamp(range.from), stamp(range.to), stamp(statement.askedAt)],
  );
  const all =
    "SELECT sn, instance_id, begin_at, end_at, ours, NULL::numeric AS theirs, NULL AS code FROM absent";
  await noteFindings(db, taken, "missing", all, now);
  await sendAgain(db, "SELECT sn FROM absent WHERE state <> 'billed'", [], now);
  const unbilled = "SELECT sn, 'missing' AS state, NULL AS code FROM absent WHERE state <> 'billed'";
  await insertOutcomesOf(db, unbilled, [], "statement", now);
  return rowCount ?? 0;
}

function collectedOf(lines: readonly StatedLine[]): { sn: string; collectedAt: Micros }[] {
  return lines.flatMap(({ serialNumber: sn, collectedAt, state }) =>
    collectedAt === undefined || state !== "billed" ? [] : [{ sn, collectedAt }],
  );
}

const EXTRA = `SELECT sn, instance_id, begin_at, end_at, NULL::numeric AS ours, theirs, NULL AS code FROM stated
  WHERE NOT is_ours AND verdict <> 'abnormal'`;

/**
 * The begins of records that a statement must settle: those that wait for it, and among those whose window is over
 * the accepted ones, and refused ones that an earlier call may have delivered.
 */
export async function unsettledRange(
  db: Db,
  accountNo: number,
  now: Micros,
): Promise<{ from: Micros; to: Micros } | undefined> {
  const { rows } = await db.query<{ from: Micros | null; to: Micros | null }>(
    `SELECT min(r.begin_at) AS "from", max(r.begin_at) + interval '1 second' AS "to"
     FROM submissions s JOIN records r ON r.account_no = s.account_no AND r.shard = s.shard AND r.seq BETWEEN s.seq_from AND s.seq_to
     WHERE s.account_no = $1::smallint AND s.deadline <= $2::timestamptz AND is_unsettled(s.state) AND (is_delivered(s.state)
       OR (is_refused(s.state) AND r.begin_at > $2::timestamptz - interval '30 days'
         AND may_have_been_taken(r)))`,
    [accountNo, stamp(now)],
  );
  const waiting = await waitingRange(db, accountNo);
  const from = Math.min(rows[0]!.from ?? Infinity, waiting?.from ?? Infinity);
  const to = Math.max(rows[0]!.to ?? -Infinity, waiting?.to ?? -Infinity);
  return from < to ? { from, to } : undefined;
}

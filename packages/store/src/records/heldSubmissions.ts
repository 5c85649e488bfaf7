import {
  judgeWaiting,
  transition,
  type Micros,
  type Period,
  type StatementScope,
  type WaitingRecord,
} from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/** Calls of which nobody knows and that must not go out again blindly: nothing but a statement makes them due. */
const WAITING = "state = 'unknown' AND next_at = 'infinity'";

interface WaitingCall {
  id: number;
  /** Since when nobody knows, product time. */
  since: Micros;
}

/** What a statement made of waiting calls, in records. */
export interface Released {
  /** There: accepted. */
  delivered: number;
  /** Not there: they go out again as they were. */
  again: number;
}

/** Settles waiting calls by the statement whose lines are staged in `stated`. */
export async function settleWaiting(
  db: Db,
  accountNo: number,
  statement: StatementScope,
  now: Micros,
): Promise<Released> {
  const { rows: calls } = await db.query<WaitingCall>(
    `SELECT submission_id AS id, greatest(created_at, settled_at,
       (SELECT max(sent_at) FROM attempts a WHERE a.submission_id = s.submission_id)) AS since
     FROM submissions s WHERE account_no = $1::smallint AND ${WAITING} ORDER BY submission_id FOR UPDATE`,
    [accountNo],
  );
  const released = { delivered: 0, again: 0 };
  for (const { id, since } of calls) {
    const records = await readRecords(db, id);
    const verdict = judgeWaiting(records, since, statement);
    if (verdict.kind === "waits") continue;
    const again = verdict.kind === "missing" ? verdict.seqs : [];
    if (again.length === records.length) await sendAgain(db, id, now);
    else await accept(db, id, again, now);
    released.again += again.length;
    released.delivered += records.length - again.length;
  }
  return released;
}

async function readRecords(db: Db, id: number): Promise<WaitingRecord[]> {
  const { rows } = await db.query<WaitingRecord>(
    `SELECT r.seq, r.begin_at AS begin,
       EXISTS (SELECT 1 FROM stated t WHERE t.sn = r.sn) OR COALESCE(o.state, 'unknown') NOT IN ${UNDECIDED} AS "isThere"
     FROM submissions s
     JOIN records r ON r.account_no = s.account_no AND r.shard = s.shard AND r.seq BETWEEN s.seq_from AND s.seq_to
     ${LAST_OUTCOME}
     WHERE s.submission_id = $1::bigint ORDER BY r.seq`,
    [id],
  );
  return rows;
}

/** Outcomes of a record's own that the waiting call has overtaken. */
const UNDECIDED = "('unknown', 'missing', 'frozen')";
const LAST_OUTCOME =
  "LEFT JOIN LATERAL (SELECT state FROM outcomes o WHERE o.sn = r.sn ORDER BY outcome_id DESC LIMIT 1) o ON true";

/** None of it is there: the same call goes out again. */
async function sendAgain(db: Db, id: number, now: Micros): Promise<void> {
  await db.query(
    `UPDATE submissions SET state = $2::text, next_at = now(), settled_at = $3::timestamptz
     WHERE submission_id = $1::bigint`,
    [id, transition("unknown", "stated_missing"), stamp(now)],
  );
  await override(db, id, "stated_missing", [], now);
}

/** It is there, but for some of its records: these go out again in calls of their own. */
async function accept(db: Db, id: number, again: readonly number[], now: Micros): Promise<void> {
  await db.query(
    `UPDATE submissions SET state = $2::text, code = NULL, settled_at = $3::timestamptz WHERE submission_id = $1::bigint`,
    [id, transition("unknown", "stated_there"), stamp(now)],
  );
  await override(db, id, "stated_there", again, now);
  await db.query(
    `INSERT INTO submissions (account_no, shard, seq_from, seq_to, parent, host, state, deadline, expires, next_at, created_at)
     SELECT account_no, shard, t.seq, t.seq, submission_id, host, $3::text, deadline, expires, now(), $4::timestamptz
     FROM submissions s, unnest($2::bigint[]) AS t (seq) WHERE s.submission_id = $1::bigint`,
    [id, [...again], transition("unknown", "stated_missing"), stamp(now)],
  );
}

/** A record with an outcome of its own that is undecided takes the call's; the `again` ones are left to their own calls. */
async function override(
  db: Db,
  id: number,
  happening: "stated_there" | "stated_missing",
  again: readonly number[],
  now: Micros,
): Promise<void> {
  await db.query(
    `INSERT INTO outcomes (sn, state, source, at)
     SELECT r.sn, CASE WHEN r.seq = ANY ($3::bigint[]) THEN 'frozen' ELSE $2::text END, 'statement', $4::timestamptz
     FROM submissions s
     JOIN records r ON r.account_no = s.account_no AND r.shard = s.shard AND r.seq BETWEEN s.seq_from AND s.seq_to
     ${LAST_OUTCOME}
     WHERE s.submission_id = $1::bigint AND o.state IN ${UNDECIDED}`,
    [id, transition("unknown", happening), [...again], stamp(now)],
  );
}

/** The begins of records that wait for a statement; undefined where none waits. */
export async function waitingRange(db: Db, accountNo: number): Promise<Period | undefined> {
  const { rows } = await db.query<{ from: Micros | null; to: Micros | null }>(
    `SELECT min(r.begin_at) AS "from", max(r.begin_at) + interval '1 second' AS "to"
     FROM submissions s
     JOIN records r ON r.account_no = s.account_no AND r.shard = s.shard AND r.seq BETWEEN s.seq_from AND s.seq_to
     WHERE s.account_no = $1::smallint AND s.state = 'unknown' AND s.next_at = 'infinity'`,
    [accountNo],
  );
  const { from, to } = rows[0]!;
  return from === null || to === null ? undefined : { from, to };
}

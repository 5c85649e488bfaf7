import {
  judgeWaiting,
  transition,
  type Micros,
  type Period,
  type RecordState,
  type StatementScope,
  type WaitingRecord,
} from "@quarterpast/domain";
import type { Db } from "../db/database.js";
import { insertOutcomesOf } from "./outcomes.js";
import { sendAgain, settleByStatement } from "./submissions.js";

/** Calls with unknown outcome that must not be resent blindly: only a statement makes them due. */
const WAITING = "state = 'unknown' AND next_at = 'infinity'";

interface WaitingCall {
  id: number;
  /** Since when the outcome is unknown, product time. */
  since: Micros;
}

/** What a statement settled about waiting calls, in records. */
export interface Released {
  /** There: accepted. */
  delivered: number;
  /** Not there: they are sent again unchanged. */
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
    if (again.length === records.length) await release(db, id, now);
    else await accept(db, id, again, now);
    released.again += again.length;
    released.delivered += records.length - again.length;
  }
  return released;
}

async function readRecords(db: Db, id: number): Promise<WaitingRecord[]> {
  const { rows } = await db.query<WaitingRecord>(
    `SELECT r.seq, r.begin_at AS begin,
       EXISTS (SELECT 1 FROM stated t WHERE t.sn = r.sn) OR NOT is_undecided(COALESCE(o.state, 'unknown')) AS "isThere"
     FROM submissions s
     JOIN records r ON r.account_no = s.account_no AND r.shard = s.shard AND r.seq BETWEEN s.seq_from AND s.seq_to
     ${LAST_OUTCOME}
     WHERE s.submission_id = $1::bigint ORDER BY r.seq`,
    [id],
  );
  return rows;
}

const LAST_OUTCOME =
  "LEFT JOIN LATERAL (SELECT state FROM outcomes o WHERE o.sn = r.sn ORDER BY outcome_id DESC LIMIT 1) o ON true";

/** None of its records is there: the same call is sent again. */
async function release(db: Db, id: number, now: Micros): Promise<void> {
  const state = transition("unknown", "stated_missing")!;
  await settleByStatement(db, id, state, true, now);
  await override(db, id, state, [], now);
}

/** It is there, except for some of its records: these are sent again in separate calls. */
async function accept(db: Db, id: number, again: readonly number[], now: Micros): Promise<void> {
  const state = transition("unknown", "stated_there")!;
  await settleByStatement(db, id, state, false, now);
  await override(db, id, state, again, now);
  await sendAgain(
    db,
    `SELECT r.sn FROM submissions s JOIN records r ON r.account_no = s.account_no AND r.shard = s.shard
     WHERE s.submission_id = $1::bigint AND r.seq = ANY ($2::bigint[])`,
    [id, [...again]],
    now,
  );
}

/** A record with an undecided outcome of its own takes the call's; those in `again` are left to their own calls. */
async function override(
  db: Db,
  id: number,
  state: RecordState,
  again: readonly number[],
  now: Micros,
): Promise<void> {
  await insertOutcomesOf(
    db,
    `SELECT r.sn, CASE WHEN r.seq = ANY ($3::bigint[]) THEN 'frozen' ELSE $2::text END AS state, NULL AS code
     FROM submissions s
     JOIN records r ON r.account_no = s.account_no AND r.shard = s.shard AND r.seq BETWEEN s.seq_from AND s.seq_to
     ${LAST_OUTCOME}
     WHERE s.submission_id = $1::bigint AND is_undecided(o.state)`,
    [id, state, [...again]],
    "statement",
    now,
  );
}

/** The begins of records that wait for a statement; undefined if none waits. */
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

import { SECOND, type Micros, type RecordState } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import type {
  AttemptEvidence,
  ClaimedSubmission,
  ClaimRule,
  HoldRule,
  NewSubmission,
  Settlement,
} from "./calls.js";
import { overrideOutcomes } from "./outcomes.js";

/**
 * Commits the intent to file a range, whose records are already frozen.
 * @param real when it may first be sent; null: the records may have been taken, and a statement must first show that
 *   they were not
 */
export async function insertSubmission(
  db: Db,
  submission: NewSubmission,
  now: Micros,
  real: Micros | null,
): Promise<number> {
  const { rows } = await db.query<{ id: number }>(
    `INSERT INTO submissions (account_no, shard, seq_from, seq_to, parent, host, state, deadline, expires, next_at, created_at)
     VALUES ($1::smallint, $2::smallint, $3::bigint, $4::bigint, $5::bigint, $6::text, $11::text, $7::timestamptz,
       $8::timestamptz, COALESCE($9::timestamptz, 'infinity'), $10::timestamptz) RETURNING submission_id AS id`,
    [
      submission.accountNo,
      submission.shard,
      submission.seqFrom,
      submission.seqTo,
      submission.parent,
      submission.host,
      stamp(submission.deadline),
      stamp(submission.expires),
      real === null ? null : stamp(real),
      stamp(now),
      real === null ? "unknown" : "frozen",
    ],
  );
  return rows[0]!.id;
}

/**
 * Claims up to `limit` due submissions of an account, earliest deadline first, and commits the next attempt of each
 * before anything is sent (SPEC 5, 8). An expired lease makes a `sent` one due again: the same bytes are sent. Except
 * for wire versions in `afterStatement`: once claimed, such a call becomes due again only if its reply or a statement
 * says that it was not taken. Calls of one instance are `spacing` apart; two claims at the same moment may come closer,
 * which the marketplace then answers as too often.
 */
export async function claimSubmissions(
  db: Db,
  { accountNo, now, real, leaseUntil, limit, afterStatement = [], spacing = 0 }: ClaimRule,
): Promise<ClaimedSubmission[]> {
  const { rows } = await db.query<ClaimedSubmission>(
    `WITH due AS (
       SELECT s.submission_id, s.state FROM submissions s JOIN accounts a USING (account_no)
       WHERE s.account_no = $6::smallint AND is_owed(s.state) AND s.next_at <= $2::timestamptz
         AND (s.lease_until IS NULL OR s.lease_until <= $2::timestamptz)
         AND s.expires > $1::timestamptz AND a.halted_code IS NULL
         AND ($7::float8 = 0 OR NOT EXISTS (
           SELECT 1 FROM records r JOIN records o ON o.instance_no = r.instance_no AND o.expires > $1::timestamptz
           JOIN submissions t ON t.account_no = o.account_no AND t.shard = o.shard AND o.seq BETWEEN t.seq_from AND t.seq_to
           JOIN attempts x ON x.submission_id = t.submission_id
           WHERE r.account_no = s.account_no AND r.shard = s.shard AND r.seq BETWEEN s.seq_from AND s.seq_to
             AND x.sent_real > $2::timestamptz - make_interval(secs => $7::float8)))
       ORDER BY s.deadline, s.submission_id LIMIT $4::integer FOR UPDATE OF s SKIP LOCKED
     ), claimed AS (
       UPDATE submissions s SET state = 'sent', attempts = s.attempts + 1, fence = s.fence + 1, lease_until = $3::timestamptz,
         next_at = CASE WHEN (SELECT wire_version FROM records r
             WHERE r.account_no = s.account_no AND r.shard = s.shard AND r.seq = s.seq_from) = ANY ($5::smallint[])
           THEN 'infinity' ELSE s.next_at END
       FROM due WHERE s.submission_id = due.submission_id
       RETURNING s.*, due.state AS state_before
     ), intents AS (
       INSERT INTO attempts (submission_id, attempt, fence, sent_at, sent_real)
       SELECT submission_id, attempts, fence, $1::timestamptz, $2::timestamptz FROM claimed
     )
     SELECT submission_id AS "submissionId", account_no AS "accountNo", a.code AS account, shard, seq_from AS "seqFrom",
       seq_to AS "seqTo", parent, host, deadline, expires, attempts AS attempt, fence, state_before AS state
     FROM claimed JOIN accounts a USING (account_no) ORDER BY deadline, submission_id`,
    [stamp(now), stamp(real), stamp(leaseUntil), limit, [...afterStatement], accountNo, spacing / SECOND],
  );
  return rows;
}

/** Whether this claim is still valid: checked just before the bytes are sent, so that a resumed zombie notices. */
export async function stillHolds(
  db: Db,
  claim: Pick<ClaimedSubmission, "submissionId" | "fence">,
  real: Micros,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `SELECT 1 FROM submissions WHERE submission_id = $1::bigint AND fence = $2::integer AND lease_until > $3::timestamptz`,
    [claim.submissionId, claim.fence, stamp(real)],
  );
  return rowCount === 1;
}

/** Settles a claim; false if the fence has moved on: then nothing is written. */
export async function settleSubmission(
  db: Db,
  claim: ClaimedSubmission,
  settlement: Settlement,
  now: Micros,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE submissions SET state = $3::text, code = $4::text, host = COALESCE($5::text, host), next_at = COALESCE($6::timestamptz, 'infinity'),
       lease_until = NULL, settled_at = $7::timestamptz
     WHERE submission_id = $1::bigint AND fence = $2::integer`,
    [
      claim.submissionId,
      claim.fence,
      settlement.state,
      settlement.code,
      settlement.host,
      settlement.nextAt === null ? null : stamp(settlement.nextAt),
      stamp(now),
    ],
  );
  if (rowCount !== 1) return false;
  await overrideOutcomes(db, claim, settlement, now);
  return true;
}

/**
 * Marks an account's calls that must not be repeated and whose reporter has died as unknown; they wait from now on.
 * @returns how many.
 */
export async function giveUpLost(db: Db, accountNo: number, now: Micros, real: Micros): Promise<number> {
  const { rowCount } = await db.query(
    `UPDATE submissions SET state = 'unknown', settled_at = $2::timestamptz, lease_until = NULL, fence = fence + 1
     WHERE account_no = $1::smallint AND state = 'sent' AND next_at = 'infinity' AND lease_until <= $3::timestamptz`,
    [accountNo, stamp(now), stamp(real)],
  );
  return rowCount ?? 0;
}

/** Due time of a call that a person released: always due, and different from any other time. */
const RELEASED = "'epoch'::timestamptz";

/**
 * Holds an account's calls that may have been taken, once the marketplace no longer promises to recognize them: from then
 * on only a statement, or a person, makes them due. The time counts from the first call with one of their records that
 * may have been taken.
 * @returns how many
 */
export async function holdUnknown(
  db: Db,
  accountNo: number,
  rules: readonly HoldRule[],
  now: Micros,
  real: Micros,
): Promise<number> {
  if (rules.length === 0) return 0;
  const { rowCount } = await db.query(
    `UPDATE submissions s SET state = 'unknown', next_at = 'infinity', lease_until = NULL, fence = fence + 1,
       settled_at = $2::timestamptz
     FROM unnest($4::smallint[], $5::float8[]) AS h (version, secs)
     WHERE s.account_no = $1::smallint AND is_owed(s.state) AND s.next_at < 'infinity'
       AND (s.state = 'sent' OR s.next_at <> ${RELEASED}) AND (s.lease_until IS NULL OR s.lease_until <= $3::timestamptz)
       AND h.version = (SELECT wire_version FROM records r
         WHERE r.account_no = s.account_no AND r.shard = s.shard AND r.seq = s.seq_from
           -- A single record of an answered call whose answer did not mention it.
           AND (s.state <> 'frozen' OR 'unknown' = (
             SELECT u.state FROM outcomes u WHERE u.sn = r.sn ORDER BY u.outcome_id DESC LIMIT 1)))
       AND (SELECT min(t.sent_at) FROM submissions o JOIN attempts t USING (submission_id)
         WHERE o.account_no = s.account_no AND o.shard = s.shard AND o.seq_to >= s.seq_from AND o.seq_from <= s.seq_to
           AND (t.result IS NULL OR t.result = 'unknown' OR (t.result = 'accepted' AND t.submission_id = s.parent)))
         <= $2::timestamptz - make_interval(secs => h.secs)`,
    [
      ...[accountNo, stamp(now), stamp(real)],
      rules.map(({ version }) => version),
      rules.map(({ resendFor }) => resendFor / SECOND),
    ],
  );
  return rowCount ?? 0;
}

/**
 * Makes a call due once, on a person's word, that otherwise only a statement would make due.
 * @returns whether it was held
 */
export async function releaseHeld(db: Db, accountNo: number, submissionId: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE submissions SET next_at = ${RELEASED}
     WHERE account_no = $1::smallint AND submission_id = $2::bigint AND state = 'unknown' AND next_at = 'infinity'`,
    [accountNo, submissionId],
  );
  return rowCount === 1;
}

/** Ends an account's submissions whose records the marketplace would no longer accept; returns how many. */
export async function expireSubmissions(
  db: Db,
  accountNo: number,
  now: Micros,
  real: Micros,
): Promise<number> {
  const { rowCount } = await db.query(
    `UPDATE submissions SET state = 'expired', settled_at = $2::timestamptz, lease_until = NULL
     WHERE account_no = $1::smallint AND is_owed(state) AND expires <= $2::timestamptz
       AND (lease_until IS NULL OR lease_until <= $3::timestamptz)`,
    [accountNo, stamp(now), stamp(real)],
  );
  return rowCount ?? 0;
}

/** Extends a claim during its call; false if it was lost. */
export async function renewLease(
  db: Db,
  claim: Pick<ClaimedSubmission, "submissionId" | "fence">,
  leaseUntil: Micros,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE submissions SET lease_until = $3::timestamptz
     WHERE submission_id = $1::bigint AND fence = $2::integer AND lease_until IS NOT NULL`,
    [claim.submissionId, claim.fence, stamp(leaseUntil)],
  );
  return rowCount === 1;
}

/** Adds the result to an attempt, whose intent was committed when it was claimed. */
export async function finishAttempt(
  db: Db,
  claim: ClaimedSubmission,
  evidence: AttemptEvidence,
): Promise<void> {
  await db.query(
    `UPDATE attempts SET host = $3::text, body_sha256 = $4::text, result = $5::text, code = $6::text, http_status = $7::integer,
       reply = $8::text, duration_ms = $9::integer WHERE submission_id = $1::bigint AND attempt = $2::integer`,
    [
      claim.submissionId,
      claim.attempt,
      evidence.host,
      evidence.bodySha256,
      evidence.result,
      evidence.code,
      evidence.httpStatus,
      evidence.reply,
      evidence.durationMs,
    ],
  );
}

/**
 * Sends records again as they were frozen, each in a separate call, next to the one that contained it.
 * @param query returns the serial numbers as the column `sn`; `values` are its `$1` …
 * @returns how many; records that the marketplace would no longer accept are left out
 */
export async function sendAgain(
  db: Db,
  query: string,
  values: readonly unknown[],
  now: Micros,
): Promise<number> {
  const { rowCount } = await db.query(
    `INSERT INTO submissions (account_no, shard, seq_from, seq_to, parent, host, state, deadline, expires, next_at, created_at)
     SELECT r.account_no, r.shard, r.seq, r.seq, b.submission_id, s.host, 'frozen', r.window_ends, r.expires, now(),
       $${values.length + 1}::timestamptz
     FROM (${query}) q JOIN records r USING (sn) JOIN billing.records b USING (sn) LEFT JOIN submissions s USING (submission_id)
     WHERE r.expires > $${values.length + 1}::timestamptz`,
    [...values, stamp(now)],
  );
  return rowCount ?? 0;
}

/** Settles a call by a statement; `due` makes it due again immediately. */
export async function settleByStatement(
  db: Db,
  submissionId: number,
  state: RecordState,
  due: boolean,
  now: Micros,
): Promise<void> {
  await db.query(
    `UPDATE submissions SET state = $2::text, settled_at = $4::timestamptz, code = CASE WHEN $3::boolean THEN code END,
       next_at = CASE WHEN $3::boolean THEN now() ELSE next_at END
     WHERE submission_id = $1::bigint`,
    [submissionId, state, due, stamp(now)],
  );
}

const RECORDS_PER_CALL = 1_000;

/**
 * Creates calls for records that have none: unknown, and sent once. Their outcome is unknown, so the same bytes are
 * sent again, and "already there" is proof of delivery (SPEC 6). Records of `afterStatement` wait for a statement.
 */
export async function restoreCalls(
  db: Db,
  accountNo: number,
  afterStatement: readonly number[],
  now: Micros,
  real: Micros,
): Promise<number> {
  const { rowCount } = await db.query(
    `INSERT INTO submissions (account_no, shard, seq_from, seq_to, state, deadline, expires, attempts, next_at, created_at)
     SELECT $1::smallint, shard, min(seq), max(seq), 'unknown', min(window_ends), min(expires), 1,
       CASE WHEN wire_version = ANY ($4::smallint[]) THEN 'infinity' ELSE $3::timestamptz END, $2::timestamptz
     FROM (
       SELECT r.*, (row_number() OVER (PARTITION BY r.shard ORDER BY r.seq) - 1) / ${RECORDS_PER_CALL} AS call,
         -- A call goes one way: runs of one wire version.
         r.seq - row_number() OVER (PARTITION BY r.shard, r.wire_version ORDER BY r.seq) AS run
       FROM records r WHERE r.account_no = $1::smallint
         -- What a later record took over is filed there, and nowhere else.
         AND NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.sn = r.sn AND o.state = 'carried')
         AND NOT EXISTS (SELECT 1 FROM submissions s
         WHERE s.account_no = r.account_no AND s.shard = r.shard AND r.seq BETWEEN s.seq_from AND s.seq_to)
     ) r GROUP BY shard, call, run, wire_version`,
    [accountNo, stamp(now), stamp(real), [...afterStatement]],
  );
  return rowCount ?? 0;
}

/**
 * Marks accepted calls as billed.
 * @param query returns them as the column `submission_id`
 * @returns how many records become billed: those without an outcome of their own
 */
export async function billCalls(db: Db, query: string, now: Micros): Promise<number> {
  const { rows } = await db.query<{ records: number }>(
    `WITH billed AS (
       UPDATE submissions s SET state = 'billed', settled_at = $1::timestamptz FROM (${query}) q
       WHERE s.submission_id = q.submission_id RETURNING s.account_no, s.shard, s.seq_from, s.seq_to
     )
     SELECT count(*) AS records FROM billed b JOIN records r ON r.account_no = b.account_no AND r.shard = b.shard
       AND r.seq BETWEEN b.seq_from AND b.seq_to WHERE NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.sn = r.sn)`,
    [stamp(now)],
  );
  return rows[0]!.records;
}

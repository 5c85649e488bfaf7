import {
  addDecimals,
  BY_DAY,
  DAY,
  dayName,
  judgeDay,
  type DayVerdict,
  type Micros,
  type Period,
} from "@quarterpast/domain";
import { inTransaction, stamp, stamps, type Db, type Pool } from "../db/database.js";
import { insertOutcomesOf } from "../records/outcomes.js";
import { settleWaiting } from "../records/heldSubmissions.js";
import { noteFindings, resolveDayFindings } from "./findings.js";
import { insertStatedLines, insertStatement } from "./statements.js";
import { settleBilled, type NewStatement, type Reconciled } from "./takeStatement.js";

/**
 * A statement that has a line for each instance and day of the account: begin and end are the day's. It covers the days of
 * its range, or of its lines if none is given.
 */
export type DayStatement = Omit<NewStatement, "duplicateCodes" | "namedBySlot">;

interface DayRow {
  instanceId: string;
  day: Micros;
  taken: string;
  unknown: string;
  stated: string | null;
  isBilled: boolean;
  isOpen: boolean;
}

/**
 * Takes a statement by day: sets its sums against those of our records, by instance and day of the account. Where they agree, the
 * day's records are settled; every difference is a finding of the day. It never sends anything again: a sum does not say
 * which record is missing.
 */
export async function takeDayStatement(pool: Pool, given: DayStatement, now: Micros): Promise<Reconciled> {
  const begins = given.lines.map(({ begin }) => begin);
  const range = given.range ?? {
    from: begins.reduce((a, b) => Math.min(a, b), Infinity),
    to: begins.reduce((a, b) => Math.max(a, b), -Infinity) + DAY,
  };
  const isKnown = Number.isFinite(range.from);
  const lines = given.lines.map((line) => ({ ...line, serialNumber: dayName(line.instanceId, line.begin) }));
  return inTransaction(pool, async (db) => {
    await db.query("SET LOCAL statement_timeout = '10min'");
    const statementId = await insertStatement(db, {
      ...given,
      range: isKnown ? range : undefined,
      // It never shows that a record is absent, however whole it is.
      complete: false,
      lines: lines.length,
      takenAt: Math.min(given.askedAt, now),
    });
    await insertStatedLines(db, statementId, lines);
    await stageDays(db, statementId, given, isKnown ? range : { from: 0, to: 0 });
    const taken = { statementId, accountNo: given.accountNo };
    const note = (kind: "missing" | "extra" | "different") =>
      noteFindings(db, taken, kind, FINDINGS_OF[kind], now);
    const found = {
      different: await note("different"),
      missing: await note("missing"),
      extra: await note("extra"),
    };
    const scope = { complete: false, range: undefined, askedAt: given.askedAt };
    const { delivered } = await settleWaiting(db, given.accountNo, scope, now);
    const billed = (await settleBilled(db, now)) + (await billRest(db, given.accountNo, now));
    await resolveDayFindings(db, given.accountNo, now);
    return {
      ...{ statementId, lines: lines.length, complete: false, billed, abnormal: 0, ...found },
      ...{ late: 0, delivered, again: 0 },
    };
  });
}

const findingsOf = (
  kind: DayVerdict,
): string => `SELECT name AS sn, instance_id, begin_at, end_at, ours, theirs,
  '${BY_DAY}' AS code FROM days WHERE verdict = '${kind}'`;
const FINDINGS_OF = {
  missing: findingsOf("missing"),
  extra: findingsOf("extra"),
  different: findingsOf("different"),
};

/** Stages each day with its verdict (`days`), and the records of those that agree as if they were stated one by one. */
async function stageDays(
  db: Db,
  statementId: number,
  { accountNo, askedAt, complete }: DayStatement,
  range: Period,
): Promise<void> {
  const { rows } = await db.query<DayRow>(
    `WITH ours AS (
       SELECT b.instance_id, date_bin('1 day', b.begin_at, o.origin) AS day,
         sum(b.quantity) FILTER (WHERE is_taken(b.state)) AS taken,
         sum(b.quantity) FILTER (WHERE b.state = 'unknown') AS unknown,
         bool_or(is_unsent(b.state) OR b.state = 'missing' OR (b.state <> 'billed' AND b.settled_at >= $5::timestamptz)) AS is_open
       FROM billing.records b JOIN ${ORIGIN} o ON o.code = b.account
       WHERE b.begin_at >= $3::timestamptz AND b.begin_at < $4::timestamptz GROUP BY 1, 2
     ), theirs AS (
       SELECT instance_id, begin_at AS day, COALESCE(sum(quantity) FILTER (WHERE state <> 'abnormal'), 0) AS stated,
         bool_and(state = 'billed') AS is_billed
       FROM statement_lines WHERE statement_id = $1::bigint GROUP BY 1, 2
     )
     SELECT instance_id AS "instanceId", day, COALESCE(taken, 0)::text AS taken, COALESCE(unknown, 0)::text AS unknown,
       stated::text AS stated, COALESCE(is_billed, false) AS "isBilled",
       COALESCE(is_open, false) OR day + interval '1 day' > $5::timestamptz AS "isOpen"
     FROM ours FULL JOIN theirs USING (instance_id, day)`,
    [statementId, accountNo, stamp(range.from), stamp(range.to), stamp(askedAt)],
  );
  const judged = rows.map((row) => ({
    ...row,
    name: dayName(row.instanceId, row.day),
    verdict: judgeDay({ ...row, stated: row.stated ?? undefined }, complete),
  }));
  await db.query(
    `CREATE TEMP TABLE days ON COMMIT DROP AS
     SELECT name, instance_id, begin_at, begin_at + interval '1 day' AS end_at, ours, theirs, verdict, is_billed
     FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::numeric[], $5::numeric[], $6::text[], $7::boolean[])
       AS t (name, instance_id, begin_at, ours, theirs, verdict, is_billed)`,
    [
      judged.map(({ name }) => name),
      judged.map(({ instanceId }) => instanceId),
      stamps(judged.map(({ day }) => day)),
      judged.map(({ taken, unknown, verdict }) => (verdict === "extra" ? null : addDecimals(taken, unknown))),
      judged.map(({ stated }) => stated),
      judged.map(({ verdict }) => verdict),
      judged.map(({ isBilled }) => isBilled),
    ],
  );
  await db.query(
    `CREATE TEMP TABLE stated ON COMMIT DROP AS
     SELECT b.sn, b.state AS our_state, true AS is_ours, CASE WHEN d.is_billed THEN 'billed' ELSE 'normal' END AS verdict
     FROM days d JOIN billing.records b ON b.instance_id = d.instance_id AND b.begin_at >= d.begin_at AND b.begin_at < d.end_at
     WHERE d.verdict = 'agreed' AND b.account = (SELECT code FROM accounts WHERE account_no = $1::smallint)
       AND (is_taken(b.state) OR b.state = 'unknown')`,
    [accountNo],
  );
  await db.query("CREATE INDEX ON stated (sn); ANALYZE stated");
}

/** A call whose other days differ stays as it is: its records of the days that agree are billed one by one. */
function billRest(db: Db, accountNo: number, now: Micros): Promise<number> {
  const rest = `SELECT sn, 'billed' AS state, NULL AS code FROM stated t JOIN billing.records b USING (sn)
    WHERE t.verdict = 'billed' AND is_delivered(b.state)
      AND b.account = (SELECT code FROM accounts WHERE account_no = $1::smallint)`;
  return insertOutcomesOf(db, rest, [accountNo], "statement", now);
}

/** Where days are counted from: a midnight of the account. */
const ORIGIN = `(SELECT code, timestamptz '2000-01-01 00:00Z' - make_interval(mins => day_offset_minutes) AS origin
  FROM accounts WHERE account_no = $2::smallint)`;

import type { BillingCycle, Interval, Micros, Refiled } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/** An operator's request to file a record again, under a new serial number. */
export interface RereportRequest {
  sn: string;
  /** Null: keeps the quantity. */
  quantity: string | null;
  /** Null: keeps the record's. Another only if the marketplace showed that the record is void (SPEC 7). */
  interval: Interval | null;
  reason: string;
  keyId: string;
}

/**
 * Stores the request; false if one for this record is already waiting, or the account has no such record. The
 * reporter carries it out or says why not.
 */
export async function requestRereport(
  db: Db,
  accountNo: number,
  request: RereportRequest,
  now: Micros,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO rereports (sn, quantity, reason, key_id, asked_at, begin_at, end_at)
     SELECT r.sn, $2::numeric, $3::text, $4::text, $5::timestamptz, $6::timestamptz, $7::timestamptz
     FROM records r WHERE r.account_no = $8::smallint AND r.sn = $1::text
     ON CONFLICT (sn) WHERE done_at IS NULL DO NOTHING`,
    [
      request.sn,
      request.quantity,
      request.reason,
      request.keyId,
      stamp(now),
      request.interval ? stamp(request.interval.begin) : null,
      request.interval ? stamp(request.interval.end) : null,
      accountNo,
    ],
  );
  return rowCount === 1;
}

/** A waiting request with everything that the new record takes from the one it replaces. */
export interface WaitingRereport {
  requestId: number;
  sn: string;
  quantity: string;
  accountNo: number;
  account: string;
  shard: number;
  instanceNo: number;
  instanceId: string;
  product: string;
  meter: string;
  unit: string;
  cycle: BillingCycle;
  opened: Micros;
  closed: Micros | null;
  hour: Micros;
  begin: Micros;
  end: Micros;
  part: string;
  events: number;
  packageInstance: string | undefined;
  /** Another interval, if one was asked for. */
  newBegin: Micros | null;
  newEnd: Micros | null;
}

/** Whether a request of an account waits. */
export async function isRereportWanted(db: Db, accountNo: number): Promise<boolean> {
  const { rowCount } = await db.query(
    `SELECT 1 FROM rereports w JOIN records r USING (sn) WHERE w.done_at IS NULL AND r.account_no = $1::smallint LIMIT 1`,
    [accountNo],
  );
  return rowCount === 1;
}

/** The oldest waiting request of an account, locked until the transaction ends; undefined if none waits. */
export async function lockRereport(db: Db, accountNo: number): Promise<WaitingRereport | undefined> {
  const { rows } = await db.query<WaitingRereport>(
    `WITH waiting AS (
       SELECT w.* FROM rereports w JOIN records r USING (sn) WHERE w.done_at IS NULL AND r.account_no = $1::smallint
       ORDER BY w.request_id LIMIT 1 FOR NO KEY UPDATE OF w, r SKIP LOCKED
     )
     SELECT w.request_id AS "requestId", w.sn, COALESCE(w.quantity, r.quantity)::text AS quantity,
       r.account_no AS "accountNo", b.account, r.shard, r.instance_no AS "instanceNo", b.instance_id AS "instanceId",
       b.product, b.meter, b.unit, i.cycle, i.opened, i.closed, r.hour, r.begin_at AS begin, r.end_at AS "end", r.part,
       r.events, r.package_instance AS "packageInstance", w.begin_at AS "newBegin", w.end_at AS "newEnd"
     FROM waiting w JOIN records r USING (sn) JOIN billing.records b USING (sn) JOIN instances i USING (instance_no)`,
    [accountNo],
  );
  return rows[0] && { ...rows[0], packageInstance: rows[0].packageInstance ?? undefined };
}

/** A record, then those it replaced, one by one: each in its present state, or its state before it was replaced. */
export async function readReplaced(db: Db, sn: string): Promise<Refiled[]> {
  const { rows } = await db.query<Refiled>(
    `WITH RECURSIVE line AS (
       SELECT r.sn, r.replaces, 0 AS depth FROM records r WHERE r.sn = $1::text
       UNION ALL SELECT r.sn, r.replaces, line.depth + 1 FROM line JOIN records r ON r.sn = line.replaces
     )
     SELECT COALESCE(CASE WHEN b.state <> 'replaced' THEN b.state END, o.state, s.state) AS state,
       COALESCE(o.code, s.code) AS code, may_have_been_taken(r) AS "mayHaveBeenTaken"
     FROM line JOIN records r USING (sn) JOIN billing.records b USING (sn)
     LEFT JOIN submissions s ON s.submission_id = b.submission_id
     LEFT JOIN LATERAL (SELECT state, code FROM outcomes o WHERE o.sn = line.sn ORDER BY outcome_id DESC LIMIT 1) o ON true
     ORDER BY depth`,
    [sn],
  );
  return rows;
}

/**
 * Since a time, the intervals in which an instance has records other than a given one and those it replaced, or was
 * suspended.
 */
export async function readOtherIntervals(
  db: Db,
  { instanceNo, sn }: Pick<WaitingRereport, "instanceNo" | "sn">,
  since: Micros,
): Promise<Interval[]> {
  const { rows } = await db.query<{ begin: Micros; end: Micros | null }>(
    `WITH RECURSIVE line AS (
       SELECT r.sn, r.replaces FROM records r WHERE r.sn = $2::text
       UNION ALL SELECT r.sn, r.replaces FROM line JOIN records r ON r.sn = line.replaces
     )
     SELECT begin_at AS begin, end_at AS "end" FROM records
     WHERE instance_no = $1::integer AND end_at > $3::timestamptz AND sn NOT IN (SELECT sn FROM line)
     UNION ALL SELECT suspended_from, suspended_to FROM instance_suspensions WHERE instance_no = $1::integer`,
    [instanceNo, sn, stamp(since)],
  );
  return rows.map(({ begin, end }) => ({ begin, end: end ?? Number.MAX_SAFE_INTEGER }));
}

/** A request to file a record again, with its outcome. */
export interface RereportWish {
  askedAt: Micros;
  quantity: string | null;
  begin: Micros | null;
  end: Micros | null;
  reason: string;
  doneAt: Micros | null;
  newSn: string | null;
  refused: string | null;
}

/** All requests about a record, in order. */
export async function listRereports(db: Db, sn: string): Promise<RereportWish[]> {
  const { rows } = await db.query<RereportWish>(
    `SELECT asked_at AS "askedAt", trim_scale(quantity)::text AS quantity, begin_at AS begin, end_at AS "end", reason,
       done_at AS "doneAt", new_sn AS "newSn", refused FROM rereports WHERE sn = $1::text ORDER BY request_id`,
    [sn],
  );
  return rows;
}

/** Ends a request: carried out as `newSn`, or refused with the reason. */
export async function finishRereport(
  db: Db,
  requestId: number,
  result: { newSn: string } | { refused: string },
  now: Micros,
): Promise<void> {
  await db.query(
    "UPDATE rereports SET done_at = $2::timestamptz, new_sn = $3::text, refused = $4::text WHERE request_id = $1::bigint",
    [
      requestId,
      stamp(now),
      "newSn" in result ? result.newSn : null,
      "refused" in result ? result.refused : null,
    ],
  );
}

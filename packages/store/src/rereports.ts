import type { BillingCycle, Micros, RecordState } from "@quarterpast/domain";
import { stamp, type Db } from "./db.js";

/** An operator's wish to file a record again, under a new serial number and in the same interval. */
export interface RereportRequest {
  sn: string;
  /** Null: the quantity stays. */
  quantity: string | null;
  reason: string;
  keyId: string;
}

/** Notes the wish; false where one for this record waits already. The reporter carries it out or says why not. */
export async function requestRereport(db: Db, request: RereportRequest, now: Micros): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO rereports (sn, quantity, reason, key_id, asked_at)
     VALUES ($1::text, $2::numeric, $3::text, $4::text, $5::timestamptz) ON CONFLICT (sn) WHERE done_at IS NULL DO NOTHING`,
    [request.sn, request.quantity, request.reason, request.keyId, stamp(now)],
  );
  return rowCount === 1;
}

/** A waiting wish with all that the new record takes from the one it replaces. */
export interface WaitingRereport {
  requestId: number;
  sn: string;
  state: RecordState;
  /** A call with it may have been taken, and no complete statement has shown since that it was not. */
  mayHaveBeenTaken: boolean;
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
  hour: Micros;
  begin: Micros;
  end: Micros;
  part: string;
  events: number;
  packageInstance: string | undefined;
}

/** The oldest waiting wish, locked until the transaction ends; undefined where none waits. */
export async function lockRereport(db: Db): Promise<WaitingRereport | undefined> {
  const { rows } = await db.query<WaitingRereport>(
    `WITH waiting AS (
       SELECT * FROM rereports WHERE done_at IS NULL ORDER BY request_id LIMIT 1 FOR UPDATE SKIP LOCKED
     )
     SELECT w.request_id AS "requestId", w.sn, b.state, may_have_been_taken(r) AS "mayHaveBeenTaken", COALESCE(w.quantity, r.quantity)::text AS quantity,
       r.account_no AS "accountNo", b.account, r.shard, r.instance_no AS "instanceNo", b.instance_id AS "instanceId",
       b.product, b.meter, b.unit, i.cycle, r.hour, r.begin_at AS begin, r.end_at AS "end", r.part, r.events,
       r.package_instance AS "packageInstance"
     FROM waiting w JOIN records r USING (sn) JOIN billing.records b USING (sn) JOIN instances i USING (instance_no)`,
  );
  return rows[0] && { ...rows[0], packageInstance: rows[0].packageInstance ?? undefined };
}

/** Ends a wish: carried out as `newSn`, or refused with the reason. */
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

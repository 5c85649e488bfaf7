import type { Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import type { NewSubmission } from "./calls.js";

export interface OutgoingRecord {
  sn: string;
  seq: number;
  wire: string;
  wireVersion: number;
  /** The marketplace's product id. */
  product: string;
  quantity: string;
}

/** The frozen records of a submission, in chain order. */
export async function readOutgoing(
  db: Db,
  claim: Pick<NewSubmission, "accountNo" | "shard" | "seqFrom" | "seqTo">,
): Promise<OutgoingRecord[]> {
  const { rows } = await db.query<OutgoingRecord>(
    `SELECT sn, seq, wire, wire_version AS "wireVersion", i.product, quantity::text AS quantity FROM records r JOIN instances i USING (instance_no)
     WHERE r.account_no = $1::smallint AND r.shard = $2::smallint
     AND seq BETWEEN $3::bigint AND $4::bigint ORDER BY seq`,
    [claim.accountNo, claim.shard, claim.seqFrom, claim.seqTo],
  );
  return rows;
}

/** How much an account still owes, and when its first window closes. */
export async function readBacklog(
  db: Db,
  accountNo: number,
): Promise<{ submissions: number; records: number; firstDeadline: Micros | null }> {
  const { rows } = await db.query<{ submissions: number; records: number; firstDeadline: Micros | null }>(
    `SELECT count(*) AS submissions, COALESCE(sum(seq_to - seq_from + 1), 0)::bigint AS records, min(deadline) AS "firstDeadline"
     FROM submissions WHERE account_no = $1::smallint AND is_owed(state)`,
    [accountNo],
  );
  return rows[0]!;
}

/** When an account's calls may next want something. */
export interface NextDue {
  /** Real time: a call may go out, or one that must not be repeated has lost its reporter; null if neither is to come. */
  at: Micros | null;
  /** Product time: records of a call that no one holds expire; null if none do. */
  expires: Micros | null;
}

/** When an account's calls may next want something: one statement, for a look that mostly finds nothing. */
export async function readNextDue(db: Db, accountNo: number, real: Micros): Promise<NextDue> {
  const { rows } = await db.query<NextDue>(
    `SELECT min(CASE WHEN s.next_at < 'infinity' THEN CASE WHEN a.halted_code IS NULL THEN greatest(s.next_at, s.lease_until) END
         ELSE s.lease_until END) AS at,
       min(s.expires) FILTER (WHERE s.lease_until IS NULL OR s.lease_until <= $2::timestamptz) AS expires
     FROM submissions s JOIN accounts a USING (account_no)
     WHERE s.account_no = $1::smallint AND is_owed(s.state)`,
    [accountNo, stamp(real)],
  );
  return rows[0]!;
}

/** Whether any account of the seller still owes records, or has them to make: then product time may not jump. */
export async function isSellerOwing(db: Db): Promise<boolean> {
  const { rows } = await db.query<{ owes: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM submissions WHERE is_owed(state))
       OR EXISTS (SELECT 1 FROM hours WHERE frozen_at IS NULL) AS owes`,
  );
  return rows[0]!.owes;
}

/**
 * Whether an hour of an account is being frozen, or its records wait to be filed within a window that is still open.
 * @param now product time
 */
export async function isFilingUnderWay(db: Db, accountNo: number, now: Micros): Promise<boolean> {
  const { rows } = await db.query<{ waits: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM submissions WHERE account_no = $1::smallint AND is_owed(state)
         AND deadline > $2::timestamptz)
       OR EXISTS (SELECT 1 FROM hours WHERE divided_at IS NULL AND frozen_at IS NULL
         AND sealed_at > $2::timestamptz - interval '15 minutes')
       OR EXISTS (SELECT 1 FROM account_hours a JOIN hours h USING (shard, hour) WHERE a.account_no = $1::smallint
         AND a.frozen_at IS NULL AND h.sealed_at > $2::timestamptz - interval '15 minutes') AS waits`,
    [accountNo, stamp(now)],
  );
  return rows[0]!.waits;
}

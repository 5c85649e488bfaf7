import type { CarriedIn, Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import type { FreezeWork } from "../usage/hours.js";
import { insertOutcomes } from "./outcomes.js";

/** Older records no longer give anything to later ones: a person settles them. */
const CARRIED_FOR = "interval '30 days'";

/** Records of a shard, of hours before ($3), that may have been refused or have expired. */
const CANDIDATES = `
  SELECT r.sn FROM submissions s JOIN records r ON r.account_no = s.account_no AND r.shard = s.shard
    AND r.seq BETWEEN s.seq_from AND s.seq_to
  WHERE s.account_no = $1::smallint AND s.shard = $2::smallint AND is_troubled(s.state)
  UNION SELECT o.sn FROM outcomes o JOIN records r USING (sn)
  WHERE is_watched(o.state) AND r.account_no = $1::smallint AND r.shard = $2::smallint`;

/**
 * What an account's earlier records of a shard have to give, by instance: of those that were refused, or that expired, by
 * no call that may have been taken, and not for another record that is there. Not what a person wants to file again, or gave
 * up. They are locked until the transaction ends, as they are by whoever files one again.
 * @param duplicateCodes codes by which the marketplace says that another record of the slot came first
 */
export async function lockCarriable(
  db: Db,
  { accountNo, shard, hour }: Pick<FreezeWork, "accountNo" | "shard" | "hour">,
  duplicateCodes: readonly string[],
): Promise<Map<number, CarriedIn>> {
  const { rows: locked } = await db.query<{ sn: string }>(
    `SELECT r.sn FROM records r WHERE r.account_no = $1::smallint AND r.sn IN (${CANDIDATES}) AND r.hour < $3::timestamptz
       AND r.hour > $3::timestamptz - ${CARRIED_FOR} AND r.quantity > 0 ORDER BY r.sn FOR NO KEY UPDATE SKIP LOCKED`,
    [accountNo, shard, stamp(hour)],
  );
  if (locked.length === 0) return new Map();
  // Asked once they are locked: what was done about one until then is seen.
  const { rows } = await db.query<{ instanceNo: number; quantity: string; serialNumbers: string[] }>(
    `SELECT r.instance_no AS "instanceNo", trim_scale(sum(r.quantity))::text AS quantity,
       json_agg(r.sn ORDER BY r.seq) AS "serialNumbers"
     FROM records r JOIN billing.records b USING (sn)
     WHERE r.sn = ANY ($1::text[]) AND is_carriable(b.state) AND (b.code IS NULL OR b.code <> ALL ($2::text[]))
       AND NOT may_have_been_taken(r)
       AND NOT EXISTS (SELECT 1 FROM rereports w WHERE w.sn = r.sn AND w.done_at IS NULL)
       AND NOT EXISTS (SELECT 1 FROM cases c WHERE c.account_no = r.account_no AND c.ref = r.sn AND c.resolution = 'written_off')
     GROUP BY r.instance_no`,
    [locked.map(({ sn }) => sn), [...duplicateCodes]],
  );
  return new Map(rows.map(({ instanceNo, ...carried }) => [instanceNo, carried]));
}

/** Notes that records gave their quantity to a later one: from here on they never count again. */
export async function noteCarried(
  db: Db,
  records: readonly { sn: string; carried?: CarriedIn | undefined }[],
  now: Micros,
): Promise<void> {
  const given = records.flatMap(({ sn: into, carried }) =>
    (carried?.serialNumbers ?? []).map((sn) => ({ sn, state: "carried" as const, code: null, detail: into })),
  );
  await insertOutcomes(db, given, "clock", now);
}

/** Notes again, after a restore, what a record took over: the others are not sent once more. */
export async function restoreCarried(
  db: Db,
  into: string,
  serialNumbers: readonly string[],
  at: Micros,
): Promise<void> {
  const { rows } = await db.query<{ sn: string }>(
    `SELECT r.sn FROM records r WHERE r.sn = ANY ($1::text[])
       AND NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.sn = r.sn AND o.state = 'carried')`,
    [[...serialNumbers]],
  );
  await noteCarried(
    db,
    [{ sn: into, carried: { quantity: "0", serialNumbers: rows.map(({ sn }) => sn) } }],
    at,
  );
}

/** Locks a record until the transaction ends, so that it is not carried while it is filed again. */
export async function lockRecord(db: Db, accountNo: number, sn: string): Promise<void> {
  await db.query(
    "SELECT 1 FROM records WHERE account_no = $1::smallint AND sn = $2::text FOR NO KEY UPDATE",
    [accountNo, sn],
  );
}

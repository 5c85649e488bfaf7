import { BINDING_REASONS, type Micros, type QuarantineReason } from "@quarterpast/domain";
import { oneOf } from "../db/closedSets.js";
import type { Db } from "../db/database.js";
import { bindEvents } from "./events.js";
import { endWaiting, lockWaiting, WAITS } from "./quarantine.js";

/** A waiting event that now has an instance that lived when it occurred. */
export interface Releasable {
  sourceNo: number;
  key: string;
  reason: QuarantineReason;
  /** Whether several accounts have one, and neither the event, nor a person, nor a rule names the right one. */
  isAmbiguous: boolean;
  instanceNo: number;
  shard: number;
  meter: string;
  occurred: Micros;
  quantity: string | null;
  value: string | null;
}

const LIVED = (instance: string): string =>
  `${instance}.opened <= e.occurred AND (${instance}.closed IS NULL OR e.occurred < ${instance}.closed)`;

const IS_SUSPENDED = `EXISTS (SELECT FROM instance_suspensions f WHERE f.instance_no = i.instance_no
  AND f.suspended_from <= e.occurred AND (f.suspended_to IS NULL OR e.occurred < f.suspended_to))`;

/** Never guesses: another account's life counts even if it is suspended; a rule decides between them. */
const IS_CLEAR = `(q.account IS NOT NULL OR NOT EXISTS (
    SELECT FROM instances o WHERE o.subject = i.subject AND o.meter_no = i.meter_no AND o.account_no <> i.account_no AND ${LIVED("o")})
  OR i.account_no IS NOT DISTINCT FROM (SELECT r.account_no FROM account_rules r
    WHERE r.subject = q.subject OR r.source = (SELECT source FROM sources s WHERE s.source_no = q.source_no)
    ORDER BY r.subject NULLS LAST LIMIT 1))`;

/**
 * Up to `limit` events in quarantine whose binding exists now and that wait for one; including those whose reason
 * must change because several accounts qualify.
 */
export async function findReleasable(db: Db, limit: number): Promise<Releasable[]> {
  const { rows } = await db.query<Releasable>(
    `SELECT DISTINCT ON (q.source_no, q.key) q.source_no AS "sourceNo", q.key, q.reason, NOT ${IS_CLEAR} AS "isAmbiguous",
       i.instance_no AS "instanceNo", i.shard, q.meter, e.occurred, e.quantity, e.value
     FROM quarantine q
     JOIN meters m ON m.code = q.meter
     JOIN instances i ON i.subject = q.subject AND i.meter_no = m.meter_no
     JOIN accounts a ON a.account_no = i.account_no AND a.code = COALESCE(q.account, a.code)
     JOIN events e USING (source_no, key)
     WHERE ${WAITS}
       AND (q.reason IN ${oneOf(BINDING_REASONS)}
         -- The scale of its meter was raised.
         OR (q.reason = 'scale_exceeded' AND scale(trim_scale(e.quantity)) <= m.scale AND NOT COALESCE(e.extensions ?| ARRAY['corrects', 'cancels'], false)))
       AND ${LIVED("i")}
       AND CASE WHEN ${IS_CLEAR} THEN NOT ${IS_SUSPENDED} ELSE q.reason <> 'ambiguous_account' END
     ORDER BY q.source_no, q.key, ${IS_CLEAR} DESC LIMIT $1::integer`,
    [limit],
  );
  return rows;
}

/**
 * Binds waiting events to their instances and hours. Skips events that another process has bound, or is binding.
 * @returns what was bound here, each as `sourceNo key`
 */
export async function releaseEvents(
  db: Db,
  rows: readonly (Pick<Releasable, "sourceNo" | "key" | "instanceNo" | "occurred"> & { billHour: Micros })[],
  now: Micros,
): Promise<Set<string>> {
  const mine = await lockWaiting(db, rows);
  await endWaiting(db, mine, now);
  return bindEvents(db, mine);
}

import type { Micros, QuarantineReason } from "@quarterpast/domain";
import { writeAudit, type Actor } from "../catalog/audit.js";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";

/** The waiting events of one reason, meter and subject, as a case names them. */
export interface QuarantineGroup {
  reason: QuarantineReason;
  meter: string;
  subject: string;
}

/** Gives the waiting events of a case up: they stay as they came and are never counted. @returns how many. */
export async function writeOffQuarantine(
  db: Db,
  accountNo: number,
  ref: string,
  now: Micros,
): Promise<number> {
  const { rowCount } = await db.query(
    `UPDATE quarantine q SET written_off_at = $3::timestamptz
     WHERE q.account_no = $1::smallint AND q.released_at IS NULL AND q.written_off_at IS NULL
       AND concat_ws(' ', q.reason, q.meter, q.subject) = $2::text`,
    [accountNo, ref, stamp(now)],
  );
  return rowCount ?? 0;
}

/** Gives a group of waiting events up without waiting for its case; the case ends with it. @returns how many. */
export async function writeOffGroup(
  pool: Pool,
  actor: Actor,
  { reason, meter, subject }: QuarantineGroup,
  why: string,
  now: Micros,
): Promise<number> {
  const ref = [reason, meter, subject].join(" ");
  return inTransaction(pool, async (db) => {
    const events = await writeOffQuarantine(db, actor.accountNo, ref, now);
    if (events > 0)
      await writeAudit(db, actor, { act: "quarantine.write_off", ref, after: { events, reason: why } }, now);
    return events;
  });
}

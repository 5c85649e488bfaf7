import { ACCOUNT_REASONS, type Micros, type QuarantineReason } from "@quarterpast/domain";
import { setAccountRule, type AccountRule } from "../catalog/accountRules.js";
import { writeAudit, type SellerActor } from "../catalog/audit.js";
import { oneOf } from "../db/closedSets.js";
import { inTransaction, stamp, type Db, type Pool } from "../db/database.js";
import { NAMED_ACCOUNT, nameOf, type EventName, type EventRow } from "./events.js";

export type Quarantined = Pick<EventRow, "sourceNo" | "key" | "subject" | "meter" | "account"> & {
  reason: QuarantineReason;
  /** The event as received, if its fields cannot be stored. */
  raw?: Buffer | undefined;
};

/** SQL for rows that still wait in `quarantine q`. */
export const WAITS = "q.released_at IS NULL AND q.written_off_at IS NULL";

/** SQL that locks waiting events in the order of their names, as every writer does: other orders would deadlock. */
const inOrder = (condition: string, tables = ""): string =>
  `SELECT q.source_no, q.key FROM quarantine q ${tables} WHERE ${WAITS} AND ${condition}
   ORDER BY q.source_no, q.key FOR UPDATE OF q`;

/** Puts events that were inserted without an instance into quarantine, each with its reason. */
export async function insertQuarantine(db: Db, rows: readonly Quarantined[], now: Micros): Promise<void> {
  if (rows.length === 0) return;
  await db.query(
    `INSERT INTO quarantine (source_no, key, account, reason, subject, meter, raw, quarantined_at)
     SELECT t.*, $8::timestamptz
     FROM unnest($1::integer[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[]) AS t`,
    [
      rows.map((row) => row.sourceNo),
      rows.map((row) => row.key),
      rows.map((row) => row.account),
      rows.map((row) => row.reason),
      rows.map((row) => row.subject),
      rows.map((row) => row.meter),
      rows.map((row) => row.raw ?? null),
      stamp(now),
    ],
  );
}

/** The waiting events of one reason, meter, subject and account. */
export interface QuarantineGroup {
  reason: QuarantineReason;
  meter: string;
  subject: string;
  /** Code of the account that they name or were assigned to; null if neither. */
  account: string | null;
}

export interface QuarantineCount extends QuarantineGroup {
  events: number;
  since: Micros;
}

/**
 * Waiting events by group, the largest first.
 * @param accounts only events that can belong only to these, by code: what a key limited to them may see; null: all
 *   of the seller.
 */
export async function countQuarantine(
  db: Db,
  { accounts, limit }: { accounts: readonly string[] | null; limit: number },
): Promise<QuarantineCount[]> {
  const { rows } = await db.query<QuarantineCount>(
    `SELECT reason, subject, meter, account, events, since FROM (
       SELECT q.reason, q.subject, q.meter, q.account, count(*) AS events, min(q.quarantined_at) AS since
       FROM quarantine q WHERE ${WAITS} GROUP BY q.reason, q.subject, q.meter, q.account
     ) q
     WHERE $1::text[] IS NULL OR (SELECT code FROM accounts
       WHERE account_no = waits_for_account(q.account, q.subject, q.meter)) = ANY ($1::text[])
     ORDER BY events DESC, subject, meter, account LIMIT $2::integer`,
    [accounts, limit],
  );
  return rows;
}

/**
 * Writes off the waiting events of a case: they stay as received and are never counted. @returns how many.
 * @param accountNo the account of the case; null: the seller's
 */
export async function writeOffQuarantine(
  db: Db,
  accountNo: number | null,
  ref: string,
  now: Micros,
): Promise<number> {
  const { rowCount } = await db.query(
    `WITH locked AS MATERIALIZED (${inOrder(`concat_ws(' ', q.reason, q.meter, q.subject) = $2::text
       AND waits_for_account(q.account, q.subject, q.meter) IS NOT DISTINCT FROM $1::smallint`)})
     UPDATE quarantine q SET written_off_at = $3::timestamptz FROM locked
     WHERE q.source_no = locked.source_no AND q.key = locked.key`,
    [accountNo, ref, stamp(now)],
  );
  return rowCount ?? 0;
}

/**
 * Writes off a group of waiting events without waiting for its case, which ends with it. @returns how many.
 * @param accounts as in {@link countQuarantine}
 */
export async function writeOffGroup(
  pool: Pool,
  actor: SellerActor,
  { accounts, why, ...group }: QuarantineGroup & { accounts: readonly string[] | null; why: string },
  now: Micros,
): Promise<number> {
  const { reason, meter, subject, account } = group;
  return inTransaction(pool, async (db) => {
    const { rowCount } = await db.query(
      `WITH locked AS MATERIALIZED (${inOrder(`q.reason = $1::text AND q.meter = $2::text AND q.subject = $3::text
         AND q.account IS NOT DISTINCT FROM $4::text
         AND ($5::text[] IS NULL OR (SELECT code FROM accounts
           WHERE account_no = waits_for_account(q.account, q.subject, q.meter)) = ANY ($5::text[]))`)})
       UPDATE quarantine q SET written_off_at = $6::timestamptz FROM locked
       WHERE q.source_no = locked.source_no AND q.key = locked.key`,
      [reason, meter, subject, account, accounts, stamp(now)],
    );
    const events = rowCount ?? 0;
    const ref = [reason, meter, subject, ...(account === null ? [] : [account])].join(" ");
    if (events > 0)
      await writeAudit(db, actor, { act: "quarantine.write_off", ref, after: { events, reason: why } }, now);
    return events;
  });
}

/** Selects waiting events: all that match the given fields. */
export interface AssignFilter {
  reason?: QuarantineReason | undefined;
  source?: string | undefined;
  subject?: string | undefined;
  meter?: string | undefined;
}

export interface Assigned {
  /** How many waiting events were assigned. */
  events: number;
  /** The lasting rule, if one was asked for. */
  rule: AccountRule | undefined;
}

/**
 * Assigns waiting events to an account. Those that have a live instance there are counted within seconds; the others
 * keep waiting, for an instance of that account. An event that names a known account stays with it.
 * @param always makes it a rule for later events too, for exactly one of `source` and `subject`
 * @returns undefined if there is no such account.
 */
export async function assignQuarantine(
  pool: Pool,
  actor: SellerActor,
  { account, always, ...filter }: AssignFilter & { account: string; always: boolean },
  now: Micros,
): Promise<Assigned | undefined> {
  return inTransaction(pool, async (db) => {
    const { rows } = await db.query("SELECT FROM accounts WHERE code = $1::text", [account]);
    if (rows.length === 0) return undefined;
    const { source, subject } = filter;
    const rule = always
      ? await setAccountRule(db, actor, { source: source ?? null, subject: subject ?? null }, account, now)
      : undefined;
    const events = await assign(db, account, filter);
    const ref = Object.entries(filter).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name} ${value}`],
    );
    if (events > 0) {
      const after = { account, events };
      await writeAudit(db, actor, { act: "quarantine.assign", ref: ref.join(" "), after }, now);
    }
    return { events, rule };
  });
}

/** No longer waits for an account, but maybe for its instance: the reason that an event naming it would have. */
const REASON = `CASE WHEN q.reason NOT IN ${oneOf(ACCOUNT_REASONS)} THEN q.reason ELSE COALESCE(
  (SELECT CASE WHEN EXISTS (SELECT FROM instance_suspensions f WHERE f.instance_no = i.instance_no
       AND f.suspended_from <= e.occurred AND (f.suspended_to IS NULL OR e.occurred < f.suspended_to))
     THEN 'instance_suspended' ELSE q.reason END
   FROM instances i JOIN accounts a USING (account_no) JOIN meters m USING (meter_no)
   WHERE a.code = $1::text AND i.subject = q.subject AND m.code = q.meter AND i.opened <= e.occurred
     AND (i.closed IS NULL OR e.occurred < i.closed)),
  (SELECT 'instance_closed' FROM instances i JOIN accounts a USING (account_no) JOIN meters m USING (meter_no)
   WHERE a.code = $1::text AND i.subject = q.subject AND m.code = q.meter AND i.closed <= e.occurred LIMIT 1),
  'unknown_instance') END`;

async function assign(
  db: Db,
  account: string,
  { reason, source, subject, meter }: AssignFilter,
): Promise<number> {
  const { rowCount } = await db.query(
    `WITH locked AS MATERIALIZED (${inOrder(
      `q.account IS DISTINCT FROM $1::text
       AND ($2::text IS NULL OR q.reason = $2::text) AND ($3::text IS NULL OR s.source = $3::text)
       AND ($4::text IS NULL OR q.subject = $4::text) AND ($5::text IS NULL OR q.meter = $5::text)`,
      "JOIN sources s USING (source_no)",
    )})
     UPDATE quarantine q SET account = $1::text, reason = ${REASON} FROM locked JOIN events e USING (source_no, key)
     WHERE q.source_no = locked.source_no AND q.key = locked.key
       AND NOT EXISTS (SELECT FROM accounts a WHERE a.code = ${NAMED_ACCOUNT})`,
    [account, reason ?? null, source ?? null, subject ?? null, meter ?? null],
  );
  return rowCount ?? 0;
}

/** Changes why events wait: the instance is known now, but its meter cannot count them, or it is one of several. */
export async function changeReason(
  db: Db,
  rows: readonly Pick<Quarantined, "sourceNo" | "key" | "reason">[],
): Promise<void> {
  await db.query(
    `UPDATE quarantine q SET reason = t.reason
     FROM unnest($1::integer[], $2::uuid[], $3::text[]) AS t (source_no, key, reason)
     WHERE q.source_no = t.source_no AND q.key = t.key`,
    [rows.map((row) => row.sourceNo), rows.map((row) => row.key), rows.map((row) => row.reason)],
  );
}

/** Locks, until the transaction ends, those of the events that wait and that no other process has locked. */
export async function lockWaiting<Row extends EventName>(db: Db, rows: readonly Row[]): Promise<Row[]> {
  const { rows: locked } = await db.query<EventName>(
    `SELECT q.source_no AS "sourceNo", q.key FROM quarantine q
     JOIN unnest($1::integer[], $2::uuid[]) AS t (source_no, key) USING (source_no, key)
     WHERE ${WAITS} ORDER BY q.source_no, q.key FOR UPDATE OF q SKIP LOCKED`,
    [rows.map((row) => row.sourceNo), rows.map((row) => row.key)],
  );
  const mine = new Set(locked.map(nameOf));
  return rows.filter((row) => mine.has(nameOf(row)));
}

/** Records that events no longer wait: they are counted, or a restore brings them back as counted. */
export async function endWaiting(db: Db, rows: readonly EventName[], now: Micros): Promise<void> {
  await db.query(
    `UPDATE quarantine q SET released_at = $3::timestamptz FROM unnest($1::integer[], $2::uuid[]) AS t (source_no, key)
     WHERE q.source_no = t.source_no AND q.key = t.key AND q.released_at IS NULL`,
    [rows.map((row) => row.sourceNo), rows.map((row) => row.key), stamp(now)],
  );
}

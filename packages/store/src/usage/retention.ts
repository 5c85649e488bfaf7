import { KEEP_DAYS, type Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

/** For how long event identities are kept, and since when events are in the ledger without gaps. */
export interface Retention {
  keepDays: number;
  /** Hours before it may lack events here: their exports prove them. Null while nothing was removed. */
  eventsSince: Micros | null;
}

/** How long identities are kept; the usual time where nobody has said yet. */
export async function readRetention(db: Db): Promise<Retention> {
  const { rows } = await db.query<Retention>(
    `SELECT keep_days AS "keepDays", events_since AS "eventsSince" FROM retention`,
  );
  return rows[0] ?? { keepDays: KEEP_DAYS.usual, eventsSince: null };
}

/** Sets how long identities are kept: collectors follow within seconds. */
export async function setRetention(db: Db, keepDays: number): Promise<void> {
  await db.query(
    `INSERT INTO retention (keep_days) VALUES ($1::integer)
     ON CONFLICT (only_row) DO UPDATE SET keep_days = excluded.keep_days WHERE retention.keep_days <> excluded.keep_days`,
    [keepDays],
  );
}

/** Notes, before events are removed, that hours before this one may lack some. */
export async function noteRemoved(db: Db, since: Micros): Promise<void> {
  await db.query("UPDATE retention SET events_since = greatest(events_since, $1::timestamptz)", [
    stamp(since),
  ]);
}

/**
 * The time before which nothing of an hour is needed any more: not after `wanted`, the first open hour, one that is not
 * frozen, and, where hours are proven, the last one that is.
 */
export async function readHorizon(db: Db, wanted: Micros): Promise<Micros> {
  const { rows } = await db.query<{ horizon: Micros }>(
    `SELECT least($1::timestamptz, (SELECT min(sealed_before) FROM shards),
       (SELECT min(hour) FROM hours WHERE frozen_at IS NULL),
       (SELECT min(last) FROM (SELECT max(hour) AS last FROM manifests GROUP BY account_no) m)) AS horizon`,
    [stamp(wanted)],
  );
  return rows[0]!.horizon;
}

const STEPS: readonly string[] = [
  // An event that waits is measured against what its origin hour stood at when it is counted at last.
  ...["standing_max", "standing_values"].map(
    (
      table,
    ) => `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE origin_hour < least($1::timestamptz,
      (SELECT min(date_trunc('hour', e.occurred)) FROM quarantine q JOIN events e USING (source_no, key) WHERE q.released_at IS NULL))
      LIMIT $2::integer))`,
  ),
  // The last time that a source was heard stays known.
  `DELETE FROM heard WHERE ctid = ANY (ARRAY(SELECT h.ctid FROM heard h WHERE h.hour < $1::timestamptz AND EXISTS (SELECT
      FROM heard l WHERE l.source_no = h.source_no AND l.meter = h.meter AND l.hour > h.hour) LIMIT $2::integer))`,
  // A collector that was away for long asks for the receipts behind its watermark, and for those of a segment begun before it.
  `DELETE FROM receipts WHERE ctid = ANY (ARRAY(SELECT r.ctid FROM receipts r JOIN collectors c USING (collector_no)
      WHERE r.committed_at < least($1::timestamptz, c.watermark - interval '2 hours' * COALESCE((SELECT greatest(1, rate) FROM clock), 1))
      LIMIT $2::integer))`,
];

/** Removes what is past its time beside the events: standing values, what was heard, receipts. @returns how many rows */
export async function thinRest(db: Db, before: Micros, limit: number): Promise<number> {
  let removed = 0;
  for (const sql of STEPS) removed += (await db.query(sql, [stamp(before), limit])).rowCount ?? 0;
  return removed;
}

/** Aggregators ask for changes far more often than this. */
export async function thinBindingChanges(db: Db, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM binding_changes WHERE ctid = ANY (ARRAY(SELECT ctid FROM binding_changes
       WHERE changed_at < clock_timestamp() - interval '1 day' LIMIT $1::integer))`,
    [limit],
  );
  return rowCount ?? 0;
}

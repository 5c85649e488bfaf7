import { hourOf, keyIsId, type Micros } from "@quarterpast/domain";
import { stamp, stamps, type Db } from "../db/database.js";
import { insertHeard } from "../usage/collectors.js";
import { ensureSources } from "../usage/sources.js";
import { restoreStanding } from "../usage/standing.js";

/** An event as an export names it. */
export interface RestoredEvent {
  source: string;
  id: string;
  key: string;
  instance: string;
  meter: string;
  payloadHash: string;
  time: Micros;
  quantity: string | null;
  value: string | null;
  /** The account that it names, where it names one. */
  accountNamed: string | null;
}

/**
 * Puts the events of a sealed hour back, so that a replay of the journal finds them counted. One that waited in
 * quarantine when the backup was made is bound as it was later.
 */
export async function restoreEvents(
  db: Db,
  accountNo: number,
  hour: Micros,
  events: readonly RestoredEvent[],
  now: Micros,
): Promise<void> {
  if (events.length === 0) return;
  const sources = await ensureSources(db, [...new Set(events.map(({ source }) => source))]);
  const sourceNos = events.map(({ source }) => sources.get(source)!);
  const keys = events.map(({ key }) => key);
  await db.query(
    `INSERT INTO events AS e (source_no, instance_no, key, timed, payload_hash, occurred, bill_hour, quantity, value, id, extensions)
     SELECT t.source_no, i.instance_no, t.key, is_timed(t.key), t.payload_hash, t.occurred,
       NULLIF($11::timestamptz, billed_in(NULL, t.occurred)), t.quantity, t.value, t.id,
       CASE WHEN t.named IS NOT NULL THEN jsonb_build_object('account', t.named) END
     FROM unnest($2::integer[], $3::text[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::numeric[], $8::text[], $9::text[], $10::text[])
       AS t (source_no, instance, key, payload_hash, occurred, quantity, value, id, named)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance
     ORDER BY t.source_no, t.key
     ON CONFLICT (source_no, key, timed) DO UPDATE SET instance_no = excluded.instance_no, bill_hour = excluded.bill_hour,
       -- A correction that waited counts for the difference that it made, when the mistaken event was.
       quantity = excluded.quantity, occurred = excluded.occurred
       WHERE e.instance_no IS NULL`,
    [
      accountNo,
      sourceNos,
      events.map(({ instance }) => instance),
      keys,
      events.map(({ payloadHash }) => payloadHash),
      stamps(events.map(({ time }) => time)),
      events.map(({ quantity }) => quantity),
      events.map(({ value }) => value),
      events.map(({ key, id }) => (keyIsId(key) ? null : id)),
      events.map(({ accountNamed }) => accountNamed),
      stamp(hour),
    ],
  );
  await db.query(
    `UPDATE quarantine q SET released_at = $3::timestamptz FROM unnest($1::integer[], $2::uuid[]) AS t (source_no, key)
     WHERE q.source_no = t.source_no AND q.key = t.key AND q.released_at IS NULL`,
    [sourceNos, keys, stamp(now)],
  );
  const heard = events.map(({ meter, time }, at) => ({
    sourceNo: sourceNos[at]!,
    meter,
    hour: hourOf(time),
  }));
  await insertHeard(db, heard);
  await restoreStanding(db, accountNo, events);
}

/** A correcting event as an export names it. */
export interface RestoredCorrection {
  source: string;
  key: string;
  target: string;
  instance: string;
  quantity: string;
  delta: string;
  saidAt: Micros;
  appliedAt: Micros;
}

/** Puts back what was corrected in an hour: no event is corrected twice, and a correction can be corrected in its turn. */
export async function restoreCorrections(
  db: Db,
  accountNo: number,
  hour: Micros,
  rows: readonly RestoredCorrection[],
): Promise<void> {
  if (rows.length === 0) return;
  const sources = await ensureSources(db, [...new Set(rows.map(({ source }) => source))]);
  await db.query(
    `INSERT INTO corrections (source_no, key, target_key, quantity, delta, instance_no, bill_hour, said_at, applied_at)
     SELECT t.source_no, t.key, t.target_key, t.quantity, t.delta, i.instance_no, $2::timestamptz, t.said_at, t.applied_at
     FROM unnest($3::integer[], $4::uuid[], $5::uuid[], $6::text[], $7::numeric[], $8::numeric[], $9::timestamptz[], $10::timestamptz[])
       AS t (source_no, key, target_key, instance, quantity, delta, said_at, applied_at)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance ON CONFLICT DO NOTHING`,
    [
      accountNo,
      stamp(hour),
      rows.map(({ source }) => sources.get(source)!),
      rows.map(({ key }) => key),
      rows.map(({ target }) => target),
      rows.map(({ instance }) => instance),
      rows.map(({ quantity }) => quantity),
      rows.map(({ delta }) => delta),
      stamps(rows.map(({ saidAt }) => saidAt)),
      stamps(rows.map(({ appliedAt }) => appliedAt)),
    ],
  );
}

import { hourOf, keyIsId, valueKey, type Micros } from "@quarterpast/domain";
import { stamp, stamps, type Db } from "../db/database.js";
import { ensureSources } from "../usage/events.js";

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
  const sources = await ensureSources(db, accountNo, [...new Set(events.map(({ source }) => source))]);
  const sourceNos = events.map(({ source }) => sources.get(source)!);
  const keys = events.map(({ key }) => key);
  await db.query(
    `INSERT INTO events AS e (source_no, instance_no, key, timed, payload_hash, occurred, bill_hour, quantity, value, id)
     SELECT t.source_no, i.instance_no, t.key, is_timed(t.key), t.payload_hash, t.occurred,
       NULLIF($10::timestamptz, billed_in(NULL, t.occurred)), t.quantity, t.value, t.id
     FROM unnest($2::integer[], $3::text[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::numeric[], $8::text[], $9::text[])
       AS t (source_no, instance, key, payload_hash, occurred, quantity, value, id)
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
      stamp(hour),
    ],
  );
  await db.query(
    `UPDATE quarantine q SET released_at = $3::timestamptz FROM unnest($1::integer[], $2::uuid[]) AS t (source_no, key)
     WHERE q.source_no = t.source_no AND q.key = t.key AND q.released_at IS NULL`,
    [sourceNos, keys, stamp(now)],
  );
  await db.query(
    `INSERT INTO heard (source_no, meter, hour)
     SELECT DISTINCT * FROM unnest($1::integer[], $2::text[], $3::timestamptz[]) ON CONFLICT DO NOTHING`,
    [sourceNos, events.map(({ meter }) => meter), stamps(events.map(({ time }) => hourOf(time)))],
  );
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
  const sources = await ensureSources(db, accountNo, [...new Set(rows.map(({ source }) => source))]);
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

/** What max and unique meters have seen: later events of the same origin hour are measured against it. */
async function restoreStanding(db: Db, accountNo: number, events: readonly RestoredEvent[]): Promise<void> {
  await db.query(
    `INSERT INTO standing_max AS s (instance_no, origin_hour, value)
     SELECT i.instance_no, t.origin, max(t.quantity)
     FROM unnest($2::text[], $3::timestamptz[], $4::numeric[]) AS t (instance, origin, quantity)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance
     JOIN meters m ON m.meter_no = i.meter_no AND m.aggregation = 'max'
     GROUP BY i.instance_no, t.origin
     ON CONFLICT (instance_no, origin_hour) DO UPDATE SET previous = s.value, value = greatest(s.value, excluded.value)`,
    [
      accountNo,
      events.map(({ instance }) => instance),
      stamps(events.map(({ time }) => hourOf(time))),
      events.map(({ quantity }) => quantity),
    ],
  );
  const valued = events.filter(({ value }) => value !== null);
  await db.query(
    `INSERT INTO standing_values (instance_no, origin_hour, value_key)
     SELECT DISTINCT i.instance_no, t.origin, t.value_key
     FROM unnest($2::text[], $3::timestamptz[], $4::uuid[]) AS t (instance, origin, value_key)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance
     JOIN meters m ON m.meter_no = i.meter_no AND m.aggregation = 'unique' ON CONFLICT DO NOTHING`,
    [
      accountNo,
      valued.map(({ instance }) => instance),
      stamps(valued.map(({ time }) => hourOf(time))),
      valued.map(({ value }) => valueKey(value!)),
    ],
  );
}

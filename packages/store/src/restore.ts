import {
  HOUR,
  hourOf,
  keyIsId,
  SHARDS,
  shardOf,
  valueKey,
  type Aggregation,
  type BillingCycle,
  type Micros,
} from "@quarterpast/domain";
import { stamp, stamps, type Db } from "./db.js";
import { ensureSources } from "./events.js";
import { ensureMeter } from "./meters.js";

/** Whether an hour's manifest is in the ledger already, and the same. */
export async function findRestored(
  db: Db,
  accountNo: number,
  number: number,
  hash: string,
): Promise<"absent" | "same" | "other"> {
  const { rows } = await db.query<{ hash: string }>(
    "SELECT hash FROM manifests WHERE account_no = $1::smallint AND number = $2::bigint",
    [accountNo, number],
  );
  if (!rows[0]) return "absent";
  return rows[0].hash === hash ? "same" : "other";
}

/** An instance as an export names it. */
export interface RestoredInstance {
  instance: string;
  product: string;
  meter: string;
  aggregation: Aggregation;
  unit: string;
  scale: number;
  cycle: BillingCycle;
  subject: string;
  opened: Micros;
}

/** Makes the instances and meters that an older database does not know, as they were. */
export async function restoreInstances(
  db: Db,
  accountNo: number,
  rows: readonly RestoredInstance[],
  now: Micros,
): Promise<void> {
  for (const row of rows) {
    const { aggregation, unit, scale } = row;
    const { meter } = await ensureMeter(db, { code: row.meter, aggregation, unit, scale }, now);
    await db.query(
      `INSERT INTO instances (account_no, instance_id, product, meter_no, subject, shard, cycle, opened, created_at)
       VALUES ($1::smallint, $2::text, $3::text, $4::integer, $5::text, $6::smallint, $7::text, $8::timestamptz, $9::timestamptz)
       ON CONFLICT (account_no, instance_id) DO NOTHING`,
      [
        accountNo,
        row.instance,
        row.product,
        meter.meterNo,
        row.subject,
        shardOf(row.instance),
        row.cycle,
        stamp(row.opened),
        stamp(now),
      ],
    );
  }
}

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
    `INSERT INTO events AS e (source_no, instance_no, key, payload_hash, occurred, received, bill_hour, quantity, value, id)
     SELECT t.source_no, i.instance_no, t.key, t.payload_hash, t.occurred, t.occurred, $10::timestamptz, t.quantity, t.value, t.id
     FROM unnest($2::integer[], $3::text[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::numeric[], $8::text[], $9::text[])
       AS t (source_no, instance, key, payload_hash, occurred, quantity, value, id)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance
     ORDER BY t.source_no, t.key
     ON CONFLICT (source_no, key) DO UPDATE SET instance_no = excluded.instance_no, bill_hour = excluded.bill_hour
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

/** Forgets what an account's hour held when the backup was made: the export has all of it, and more. */
export async function clearOpenUsage(db: Db, accountNo: number, hour: Micros): Promise<void> {
  await db.query(
    `DELETE FROM hour_usage u USING instances i, shards s WHERE i.instance_no = u.instance_no AND s.shard = u.shard
       AND i.account_no = $1::smallint AND u.bill_hour = $2::timestamptz AND s.sealed_before <= $2::timestamptz`,
    [accountNo, stamp(hour)],
  );
}

export interface RestoredUsage {
  instance: string;
  origin: Micros;
  quantity: string;
  events: number;
}

/** Puts an hour's usage back; what a sealed shard holds stays as it is. */
export async function restoreUsage(
  db: Db,
  accountNo: number,
  hour: Micros,
  rows: readonly RestoredUsage[],
): Promise<void> {
  await db.query(
    `INSERT INTO hour_usage (shard, bill_hour, instance_no, origin_hour, quantity, events)
     SELECT i.shard, $2::timestamptz, i.instance_no, t.origin, t.quantity, t.events
     FROM unnest($3::text[], $4::timestamptz[], $5::numeric[], $6::bigint[]) AS t (instance, origin, quantity, events)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance
     JOIN shards s ON s.shard = i.shard AND s.sealed_before <= $2::timestamptz`,
    [
      accountNo,
      stamp(hour),
      rows.map(({ instance }) => instance),
      stamps(rows.map(({ origin }) => origin)),
      rows.map(({ quantity }) => quantity),
      rows.map(({ events }) => events),
    ],
  );
}

export interface RestoredRecord {
  fields: Record<string, string>;
  canonical: string;
  checksum: string;
  hour: Micros;
  begin: Micros;
  end: Micros;
  wire: string;
  wireVersion: number;
  windowEnds: Micros;
  lateEnds: Micros;
  expires: Micros;
  frozenAt: Micros;
}

/** Puts records back as they were frozen, one after the other; those the backup has are the same rows. */
export async function restoreRecords(
  db: Db,
  accountNo: number,
  records: readonly RestoredRecord[],
): Promise<void> {
  for (const { fields, ...record } of records) {
    await db.query(
      `INSERT INTO records (account_no, shard, seq, sn, kind, instance_no, hour, begin_at, end_at, part, quantity, events,
         replaces, canonical, checksum, prev, wire, wire_version, window_ends, late_ends, expires, frozen_at)
       SELECT $1::smallint, $2::smallint, $3::bigint, $4::text, $5::text, instance_no, $6::timestamptz, $7::timestamptz,
         $8::timestamptz, $9::text, $10::numeric, $11::bigint, NULLIF($12::text, ''), $13::text, $14::text, $15::text,
         $16::text, $17::smallint, $18::timestamptz, $19::timestamptz, $20::timestamptz, $21::timestamptz
       FROM instances WHERE account_no = $1::smallint AND instance_id = $22::text
         AND NOT EXISTS (SELECT 1 FROM records WHERE sn = $4::text AND checksum = $14::text)`,
      [
        accountNo,
        fields.shard,
        fields.seq,
        fields.sn,
        fields.kind,
        stamp(record.hour),
        stamp(record.begin),
        stamp(record.end),
        fields.part,
        fields.qty,
        fields.events,
        fields.replaces,
        record.canonical,
        record.checksum,
        fields.prev,
        record.wire,
        record.wireVersion,
        stamp(record.windowEnds),
        stamp(record.lateEnds),
        stamp(record.expires),
        stamp(record.frozenAt),
        fields.instance,
      ],
    );
  }
}

const RECORDS_PER_CALL = 1_000;

/**
 * Makes calls for records that have none: unknown, and sent once. What became of them nobody knows any more, so the same
 * bytes go out again, and "already there" is proof of delivery (design, rule 6).
 */
export async function restoreCalls(db: Db, accountNo: number, now: Micros, real: Micros): Promise<number> {
  const { rowCount } = await db.query(
    `INSERT INTO submissions (account_no, shard, seq_from, seq_to, state, deadline, expires, attempts, next_at, created_at)
     SELECT $1::smallint, shard, min(seq), max(seq), 'unknown', min(window_ends), min(expires), 1, $3::timestamptz, $2::timestamptz
     FROM (
       SELECT r.*, (row_number() OVER (PARTITION BY r.shard ORDER BY r.seq) - 1) / ${RECORDS_PER_CALL} AS call
       FROM records r WHERE r.account_no = $1::smallint AND NOT EXISTS (SELECT 1 FROM submissions s
         WHERE s.account_no = r.account_no AND s.shard = r.shard AND r.seq BETWEEN s.seq_from AND s.seq_to)
     ) r GROUP BY shard, call`,
    [accountNo, stamp(now), stamp(real)],
  );
  return rowCount ?? 0;
}

/** Moves the chains' heads to where an hour's manifest left them; never back. */
export async function restoreHeads(
  db: Db,
  accountNo: number,
  heads: readonly { shard: number; seq: number; checksum: string }[],
): Promise<void> {
  const begun = heads.filter(({ seq }) => seq > 0);
  await db.query(
    `INSERT INTO chains AS c (account_no, shard, seq, checksum)
     SELECT $1::smallint, t.* FROM unnest($2::smallint[], $3::bigint[], $4::text[]) AS t (shard, seq, checksum)
     ON CONFLICT (account_no, shard) DO UPDATE SET seq = excluded.seq, checksum = excluded.checksum WHERE c.seq < excluded.seq`,
    [
      accountNo,
      begun.map(({ shard }) => shard),
      begun.map(({ seq }) => seq),
      begun.map(({ checksum }) => checksum),
    ],
  );
}

/** Puts back what instances carried out of an hour, and what of it could not be billed. */
export async function restoreLeftovers(
  db: Db,
  accountNo: number,
  hour: Micros,
  residues: readonly { instance: string; residue: string }[],
  unbillable: readonly { instance: string; quantity: string; reason: string }[],
): Promise<void> {
  await db.query(
    `INSERT INTO residues (instance_no, hour, residue)
     SELECT i.instance_no, $2::timestamptz, t.residue FROM unnest($3::text[], $4::numeric[]) AS t (instance, residue)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance ON CONFLICT DO NOTHING`,
    [
      accountNo,
      stamp(hour),
      residues.map(({ instance }) => instance),
      residues.map(({ residue }) => residue),
    ],
  );
  await db.query(
    `INSERT INTO unbillable (instance_no, hour, quantity, reason)
     SELECT i.instance_no, $2::timestamptz, t.quantity, t.reason
     FROM unnest($3::text[], $4::numeric[], $5::text[]) AS t (instance, quantity, reason)
     JOIN instances i ON i.account_no = $1::smallint AND i.instance_id = t.instance ON CONFLICT DO NOTHING`,
    [
      accountNo,
      stamp(hour),
      unbillable.map(({ instance }) => instance),
      unbillable.map(({ quantity }) => quantity),
      unbillable.map(({ reason }) => reason),
    ],
  );
}

export interface RestoredShard {
  shard: number;
  status: string;
  reason: string;
  sealedAt: Micros;
  frozenAt: Micros;
}

/** Seals an hour in all shards as it was: from here on nothing is added to it. */
export async function restoreSeal(db: Db, hour: Micros, shards: readonly RestoredShard[]): Promise<void> {
  if (shards.length !== SHARDS) throw new Error(`the export seals ${shards.length} shards of ${SHARDS}`);
  await db.query(
    `INSERT INTO hours (hour, shard, status, reason, sealed_at, frozen_at)
     SELECT $1::timestamptz, t.* FROM unnest($2::smallint[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
       AS t (shard, status, reason, sealed_at, frozen_at)
     ON CONFLICT (hour, shard) DO UPDATE SET frozen_at = COALESCE(hours.frozen_at, excluded.frozen_at)`,
    [
      stamp(hour),
      shards.map(({ shard }) => shard),
      shards.map(({ status }) => status),
      shards.map(({ reason }) => reason),
      stamps(shards.map(({ sealedAt }) => sealedAt)),
      stamps(shards.map(({ frozenAt }) => frozenAt)),
    ],
  );
  await db.query("UPDATE shards SET sealed_before = $1::timestamptz WHERE sealed_before < $1::timestamptz", [
    stamp(hour + HOUR),
  ]);
}

import { HOUR, SHARDS, type Aggregation, type BillingCycle, type Micros } from "@quarterpast/domain";
import { stamp, stamps, type Db } from "../db/database.js";
import { insertInstance } from "../catalog/instances.js";
import { ensureMeter } from "../catalog/meters.js";

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
    const { instance: instanceId, product, subject, cycle, opened } = row;
    const { meterNo } = meter;
    await insertInstance(db, { accountNo, instanceId, product, meterNo, subject, cycle, opened }, now);
  }
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

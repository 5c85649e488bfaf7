import type { BillingCycle, Deadlines, Interval, Micros, SealedRecord } from "@quarterpast/domain";
import { copyInto, copyText } from "../db/copy.js";
import { stamp, type Db, type PoolClient } from "../db/database.js";

/** A sealed hour of a shard whose records are not all made yet. */
export interface FreezeWork {
  hour: Micros;
  shard: number;
  /** Instances up to this number are done. */
  frozenThrough: number;
}

/** The oldest unfrozen hour of each shard: hours in order, for chain and residue go from hour to hour. */
export async function findFreezeWork(db: Db): Promise<FreezeWork[]> {
  const { rows } = await db.query<FreezeWork>(
    `SELECT DISTINCT ON (shard) shard, hour, frozen_through AS "frozenThrough" FROM hours
     WHERE frozen_at IS NULL ORDER BY shard, hour`,
  );
  return rows;
}

/** Takes the hour for this transaction; undefined where another reporter has it or it is done. */
export async function lockFreezeWork(db: Db, { shard, hour }: FreezeWork): Promise<FreezeWork | undefined> {
  const { rows } = await db.query<FreezeWork>(
    `SELECT shard, hour, frozen_through AS "frozenThrough" FROM hours
     WHERE shard = $1::smallint AND hour = $2::timestamptz AND frozen_at IS NULL FOR UPDATE SKIP LOCKED`,
    [shard, stamp(hour)],
  );
  return rows[0];
}

/** What a sealed hour holds for one instance, with all that its records need. */
export interface SealedUsage {
  instanceNo: number;
  accountNo: number;
  account: string;
  instanceId: string;
  product: string;
  meter: string;
  unit: string;
  cycle: BillingCycle;
  opened: Micros;
  closed: Micros | null;
  quantity: string;
  events: number;
  /** Carried in from the instance's last hour with usage. */
  residue: string;
}

/** The next `limit` instances of a sealed hour, by number. */
export async function readSealedUsage(db: Db, work: FreezeWork, limit: number): Promise<SealedUsage[]> {
  const { rows } = await db.query<SealedUsage>(
    `WITH chunk AS (
       SELECT instance_no, sum(quantity) AS quantity, sum(events)::bigint AS events FROM hour_usage
       WHERE shard = $1::smallint AND bill_hour = $2::timestamptz AND instance_no > $3::integer
       GROUP BY instance_no ORDER BY instance_no LIMIT $4::integer
     )
     SELECT instance_no AS "instanceNo", a.account_no AS "accountNo", a.code AS account, i.instance_id AS "instanceId",
       i.product, m.code AS meter, m.unit, i.cycle,
       -- A record may not reach into a suspension: one that lasts past the hour ends the life for it, one that ended in the
       -- hour begins it. LEAST and GREATEST leave nulls out.
       greatest(i.opened, f.ended) AS opened, least(i.closed, f.began) AS closed, chunk.quantity::text, chunk.events,
       COALESCE(r.residue, 0)::text AS residue
     FROM chunk
     JOIN instances i USING (instance_no)
     JOIN meters m USING (meter_no)
     JOIN accounts a USING (account_no)
     LEFT JOIN LATERAL (
       SELECT residue FROM residues r WHERE r.instance_no = chunk.instance_no ORDER BY hour DESC LIMIT 1
     ) r ON true
     LEFT JOIN LATERAL (
       SELECT min(suspended_from) FILTER (WHERE suspended_to IS NULL OR suspended_to >= $2::timestamptz + interval '1 hour') AS began,
         max(suspended_to) FILTER (WHERE suspended_to < $2::timestamptz + interval '1 hour') AS ended
       FROM instance_suspensions f WHERE f.instance_no = chunk.instance_no
         AND f.suspended_from < $2::timestamptz + interval '1 hour' AND (f.suspended_to IS NULL OR f.suspended_to > $2::timestamptz)
         AND (f.suspended_to IS NULL OR f.suspended_to >= $2::timestamptz + interval '1 hour' OR f.suspended_from <= $2::timestamptz)
     ) f ON true
     ORDER BY instance_no`,
    [work.shard, stamp(work.hour), work.frozenThrough, limit],
  );
  return rows;
}

/** Intervals an instance has been billed for, `since` on. */
export async function readTakenIntervals(db: Db, instanceNo: number, since: Micros): Promise<Interval[]> {
  const { rows } = await db.query<Interval>(
    `SELECT DISTINCT begin_at AS begin, end_at AS "end" FROM records
     WHERE instance_no = $1::integer AND end_at > $2::timestamptz`,
    [instanceNo, stamp(since)],
  );
  return rows;
}

export interface ChainHead {
  seq: number;
  checksum: string;
}

/** The head of a chain, locked until the transaction ends; undefined where the chain has not begun. */
export async function lockChain(
  db: Db,
  accountNo: number,
  shard: number,
  genesis: string,
): Promise<ChainHead> {
  await db.query(
    `INSERT INTO chains (account_no, shard, seq, checksum) VALUES ($1::smallint, $2::smallint, 0, $3::text) ON CONFLICT DO NOTHING`,
    [accountNo, shard, genesis],
  );
  const { rows } = await db.query<ChainHead>(
    "SELECT seq, checksum FROM chains WHERE account_no = $1::smallint AND shard = $2::smallint FOR UPDATE",
    [accountNo, shard],
  );
  return rows[0]!;
}

/** A sealed record with what its submission needs: frozen from here on. */
export interface FrozenRecord extends SealedRecord, Deadlines {
  accountNo: number;
  instanceNo: number;
  wire: string;
  wireVersion: number;
}

/** Writes records and moves their chain's head; all of one account and shard, in chain order. */
export async function insertRecords(
  client: PoolClient,
  records: readonly FrozenRecord[],
  frozenAt: Micros,
): Promise<void> {
  const last = records.at(-1);
  if (!last) return;
  await copyInto(
    client,
    `records (account_no, shard, seq, sn, kind, instance_no, hour, begin_at, end_at, part, quantity, events, replaces,
       canonical, checksum, prev, wire, wire_version, window_ends, late_ends, expires, frozen_at,
       package_instance)`,
    records.map((record) => recordLine(record, stamp(frozenAt))),
  );
  await client.query(
    "UPDATE chains SET seq = $3::bigint, checksum = $4::text WHERE account_no = $1::smallint AND shard = $2::smallint",
    [last.accountNo, last.shard, last.seq, last.checksum],
  );
}

/** A record as COPY takes it; serial numbers, checksums and kinds hold nothing that needs care. */
function recordLine(record: FrozenRecord, frozenAt: string): string {
  const { accountNo, shard, seq, sn, kind, instanceNo, hour, begin, end, quantity, events } = record;
  const place = `${accountNo}\t${shard}\t${seq}\t${sn}\t${kind}\t${instanceNo}`;
  const times = `${stamp(hour)}\t${stamp(begin)}\t${stamp(end)}`;
  const amount = `${copyText(record.part)}\t${quantity}\t${events}\t${copyText(record.replaces ?? null)}`;
  const bytes = `${copyText(record.canonical)}\t${record.checksum}\t${record.prev}\t${copyText(record.wire)}`;
  const until = `${stamp(record.windowEnds)}\t${stamp(record.lateEnds)}\t${stamp(record.expires)}`;
  return `${place}\t${times}\t${amount}\t${bytes}\t${record.wireVersion}\t${until}\t${frozenAt}\t${copyText(record.packageInstance ?? null)}`;
}

/** Appends to the residue ledger: what each instance carries out of the hour. */
export async function insertResidues(
  client: PoolClient,
  hour: Micros,
  rows: readonly { instanceNo: number; residue: string }[],
): Promise<void> {
  const at = stamp(hour);
  await copyInto(
    client,
    "residues (instance_no, hour, residue)",
    rows.map(({ instanceNo, residue }) => `${instanceNo}\t${at}\t${residue}`),
  );
}

/** Notes usage that no interval is left for, so that finance sees it. */
export async function insertUnbillable(
  db: Db,
  hour: Micros,
  rows: readonly { instanceNo: number; quantity: string; reason: string }[],
): Promise<void> {
  if (rows.length === 0) return;
  await db.query(
    `INSERT INTO unbillable (instance_no, hour, quantity, reason)
     SELECT t.instance_no, $1::timestamptz, t.quantity, t.reason
     FROM unnest($2::integer[], $3::numeric[], $4::text[]) AS t (instance_no, quantity, reason)`,
    [
      stamp(hour),
      rows.map((row) => row.instanceNo),
      rows.map((row) => row.quantity),
      rows.map((row) => row.reason),
    ],
  );
}

/** Notes how far the freezing of an hour has come; `done` ends it. */
export async function advanceFreeze(
  db: Db,
  work: FreezeWork,
  through: number,
  done: boolean,
  now: Micros,
): Promise<void> {
  await db.query(
    `UPDATE hours SET frozen_through = $3::integer, frozen_at = CASE WHEN $4::boolean THEN $5::timestamptz END
     WHERE shard = $1::smallint AND hour = $2::timestamptz`,
    [work.shard, stamp(work.hour), through, done, stamp(now)],
  );
}

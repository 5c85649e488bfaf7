import {
  type BillingCycle,
  type Deadlines,
  type Interval,
  type Micros,
  type SealedRecord,
} from "@quarterpast/domain";
import { copyInto, copyText } from "../db/copy.js";
import { stamp, type Db, type PoolClient } from "../db/database.js";
import type { FreezeWork } from "../usage/hours.js";
import { noteCarried, restoreCarried } from "./carrying.js";

/** The usage that a sealed hour holds for one instance, with everything its records need. */
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

/** Instances without usage of their own that an hour is for as well. */
export interface AlsoFrozen {
  /** All that lived in it: zero is filed. */
  all: boolean;
  instanceNos: readonly number[];
}

const USED = `
  SELECT u.instance_no, sum(u.quantity) AS quantity, sum(u.events)::bigint AS events
  FROM hour_usage u JOIN instances i USING (instance_no)
  WHERE u.shard = $1::smallint AND u.bill_hour = $2::timestamptz AND u.instance_no > $3::integer
    -- Said of both sides: then each is read from there on.
    AND i.instance_no > $3::integer AND i.account_no = $5::smallint
  GROUP BY u.instance_no ORDER BY u.instance_no LIMIT $4::integer`;

const ALSO = `
  SELECT instance_no, COALESCE(u.quantity, 0) AS quantity, COALESCE(u.events, 0)::bigint AS events
  FROM (${USED}) u FULL JOIN (
    SELECT instance_no FROM instances i
    WHERE i.account_no = $5::smallint AND i.shard = $1::smallint AND i.instance_no > $3::integer
      AND (i.instance_no = ANY ($6::integer[])
        OR ($7::boolean AND i.opened < $2::timestamptz + interval '1 hour' AND COALESCE(i.closed > $2::timestamptz, true)))
    ORDER BY i.instance_no LIMIT $4::integer
  ) i USING (instance_no) ORDER BY instance_no LIMIT $4::integer`;

/** The next `limit` instances of an account in a sealed hour, by number: those with usage, and those of `also`. */
export async function readSealedUsage(
  db: Db,
  work: FreezeWork,
  limit: number,
  also?: AlsoFrozen,
): Promise<SealedUsage[]> {
  const { rows } = await db.query<SealedUsage>(
    `WITH chunk AS (${also ? ALSO : USED})
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
    [
      ...[work.shard, stamp(work.hour), work.frozenThrough, limit, work.accountNo],
      ...(also ? [[...also.instanceNos], also.all] : []),
    ],
  );
  return rows;
}

/** Intervals an instance has been billed for, ending after `since`. */
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

/** The head of a chain, locked until the transaction ends. A chain without a record begins with 0 and `genesis`. */
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
  /** The hour, if the marketplace accepts an hour only once; null for any other slot. */
  slot: string | null;
}

/** Inserts records and moves their chain's head; all of one account and shard, in chain order. */
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
       package_instance, slot, carried)`,
    records.map((record) => recordLine(record, stamp(frozenAt))),
  );
  await client.query(
    "UPDATE chains SET seq = $3::bigint, checksum = $4::text WHERE account_no = $1::smallint AND shard = $2::smallint",
    [last.accountNo, last.shard, last.seq, last.checksum],
  );
  await noteCarried(client, records, frozenAt);
}

/** A record as a line for COPY; serial numbers, checksums and kinds need no escaping. */
function recordLine(record: FrozenRecord, frozenAt: string): string {
  const { accountNo, shard, seq, sn, kind, instanceNo, hour, begin, end, quantity, events } = record;
  const place = `${accountNo}\t${shard}\t${seq}\t${sn}\t${kind}\t${instanceNo}`;
  const times = `${stamp(hour)}\t${stamp(begin)}\t${stamp(end)}`;
  const amount = `${copyText(record.part)}\t${quantity}\t${events}\t${copyText(record.replaces ?? null)}`;
  const bytes = `${copyText(record.canonical)}\t${record.checksum}\t${record.prev}\t${copyText(record.wire)}`;
  const until = `${stamp(record.windowEnds)}\t${stamp(record.lateEnds)}\t${stamp(record.expires)}`;
  return `${place}\t${times}\t${amount}\t${bytes}\t${record.wireVersion}\t${until}\t${frozenAt}\t${copyText(record.packageInstance ?? null)}\t${copyText(record.slot)}\t${copyText(record.carried?.quantity ?? null)}`;
}

/** A record from an export. */
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
  /** The hour, if the marketplace accepts each hour only once; null for another slot, or none. */
  slot: string | null;
}

/** Restores records as they were frozen, one after the other; those in the backup are the same rows. */
export async function restoreRecords(
  db: Db,
  accountNo: number,
  records: readonly RestoredRecord[],
): Promise<void> {
  for (const { fields, ...record } of records) {
    await db.query(
      `INSERT INTO records (account_no, shard, seq, sn, kind, instance_no, hour, begin_at, end_at, part, quantity, events,
         replaces, canonical, checksum, prev, wire, wire_version, window_ends, late_ends, expires, frozen_at, package_instance,
         slot, carried)
       SELECT $1::smallint, $2::smallint, $3::bigint, $4::text, $5::text, instance_no, $6::timestamptz, $7::timestamptz,
         $8::timestamptz, $9::text, $10::numeric, $11::bigint, NULLIF($12::text, ''), $13::text, $14::text, $15::text,
         $16::text, $17::smallint, $18::timestamptz, $19::timestamptz, $20::timestamptz, $21::timestamptz,
         $23::text, $24::text, $25::numeric
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
        fields.package,
        record.slot,
        fields.carried,
      ],
    );
    if (fields.carries) await restoreCarried(db, fields.sn!, fields.carries.split(" "), record.frozenAt);
  }
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

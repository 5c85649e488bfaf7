import type { Micros } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";

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
         replaces, canonical, checksum, prev, wire, wire_version, window_ends, late_ends, expires, frozen_at, package_instance)
       SELECT $1::smallint, $2::smallint, $3::bigint, $4::text, $5::text, instance_no, $6::timestamptz, $7::timestamptz,
         $8::timestamptz, $9::text, $10::numeric, $11::bigint, NULLIF($12::text, ''), $13::text, $14::text, $15::text,
         $16::text, $17::smallint, $18::timestamptz, $19::timestamptz, $20::timestamptz, $21::timestamptz,
         $23::text
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
      ],
    );
  }
}

const RECORDS_PER_CALL = 1_000;

/**
 * Makes calls for records that have none: unknown, and sent once. What became of them nobody knows any more, so the same
 * bytes go out again, and "already there" is proof of delivery (SPEC 6). Records of `afterStatement` wait for a statement.
 */
export async function restoreCalls(
  db: Db,
  accountNo: number,
  afterStatement: readonly number[],
  now: Micros,
  real: Micros,
): Promise<number> {
  const { rowCount } = await db.query(
    `INSERT INTO submissions (account_no, shard, seq_from, seq_to, state, deadline, expires, attempts, next_at, created_at)
     SELECT $1::smallint, shard, min(seq), max(seq), 'unknown', min(window_ends), min(expires), 1,
       CASE WHEN wire_version = ANY ($4::smallint[]) THEN 'infinity' ELSE $3::timestamptz END, $2::timestamptz
     FROM (
       SELECT r.*, (row_number() OVER (PARTITION BY r.shard ORDER BY r.seq) - 1) / ${RECORDS_PER_CALL} AS call,
         -- A call goes one way: runs of one wire version.
         r.seq - row_number() OVER (PARTITION BY r.shard, r.wire_version ORDER BY r.seq) AS run
       FROM records r WHERE r.account_no = $1::smallint AND NOT EXISTS (SELECT 1 FROM submissions s
         WHERE s.account_no = r.account_no AND s.shard = r.shard AND r.seq BETWEEN s.seq_from AND s.seq_to)
     ) r GROUP BY shard, call, run, wire_version`,
    [accountNo, stamp(now), stamp(real), [...afterStatement]],
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

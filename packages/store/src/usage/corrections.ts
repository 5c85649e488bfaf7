import type { Aggregation, Micros, QuarantineReason } from "@quarterpast/domain";
import { stamp, stamps, type Db } from "../db/database.js";

/** A correcting event that waits for the event it corrects to be counted. */
export interface WaitingCorrection {
  sourceNo: number;
  key: string;
  subject: string;
  meter: string;
  /** The right quantity; null for a cancellation. */
  quantity: string | null;
  attributes: Record<string, string | number | boolean>;
}

/** Up to `limit` waiting corrections behind one, in the order of their keys. */
export async function findCorrections(
  db: Db,
  after: Pick<WaitingCorrection, "sourceNo" | "key">,
  limit: number,
): Promise<WaitingCorrection[]> {
  const { rows } = await db.query<WaitingCorrection>(
    `SELECT q.source_no AS "sourceNo", q.key, q.subject, q.meter, trim_scale(e.quantity)::text AS quantity,
       e.extensions AS attributes
     FROM quarantine q JOIN events e USING (source_no, key)
     WHERE q.released_at IS NULL AND q.written_off_at IS NULL AND q.reason = 'correction_waits' AND (q.source_no, q.key) > ($1::integer, $2::uuid)
     ORDER BY q.source_no, q.key LIMIT $3::integer`,
    [after.sourceNo, after.key, limit],
  );
  return rows;
}

/** An event that is counted and can be corrected. */
export interface CorrectionTarget {
  sourceNo: number;
  key: string;
  instanceNo: number;
  shard: number;
  /** Code of its account. */
  account: string;
  subject: string;
  meter: string;
  aggregation: Aggregation;
  scale: number;
  occurred: Micros;
  /** What it counts for now, decimal text; a correcting event for what it made right. */
  current: string;
}

/** Those of the events that are counted. */
export async function findTargets(
  db: Db,
  wanted: readonly { sourceNo: number; key: string }[],
): Promise<CorrectionTarget[]> {
  const { rows } = await db.query<CorrectionTarget>(
    `SELECT e.source_no AS "sourceNo", e.key, e.instance_no AS "instanceNo", i.shard, a.code AS account, i.subject, m.code AS meter, m.aggregation,
       m.scale, e.occurred, trim_scale(COALESCE(x.quantity, CASE m.aggregation WHEN 'count' THEN 1 ELSE e.quantity END, 0))::text AS current
     FROM unnest($1::integer[], $2::uuid[]) AS t (source_no, key)
     JOIN events e USING (source_no, key) JOIN instances i USING (instance_no) JOIN meters m USING (meter_no)
     JOIN accounts a USING (account_no)
     LEFT JOIN corrections x ON x.source_no = e.source_no AND x.key = e.key`,
    [wanted.map(({ sourceNo }) => sourceNo), wanted.map(({ key }) => key)],
  );
  return rows;
}

/** A correction ready to be counted. */
export interface AppliedCorrection {
  sourceNo: number;
  key: string;
  targetKey: string;
  instanceNo: number;
  occurred: Micros;
  billHour: Micros;
  /** What the usage is now, and the difference with its sign: decimal texts. */
  quantity: string;
  delta: string;
}

/**
 * Takes corrections out of quarantine and writes them down, each event corrected once.
 * @returns the keys (`source key`) of those that did; the others were taken by another process, or came second.
 */
export async function applyCorrections(
  db: Db,
  rows: readonly AppliedCorrection[],
  now: Micros,
): Promise<Set<string>> {
  const { rows: applied } = await db.query<{ sourceNo: number; key: string }>(
    `WITH batch AS (
       SELECT * FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::integer[], $5::timestamptz[], $6::timestamptz[],
         $7::numeric[], $8::numeric[]) AS t (source_no, key, target_key, instance_no, occurred, bill_hour, quantity, delta)
     ), mine AS (
       SELECT q.source_no, q.key FROM quarantine q JOIN batch USING (source_no, key)
       WHERE q.released_at IS NULL AND q.written_off_at IS NULL ORDER BY q.source_no, q.key FOR UPDATE OF q SKIP LOCKED
     ), noted AS (
       INSERT INTO corrections (source_no, key, target_key, quantity, delta, instance_no, bill_hour, said_at, applied_at)
       SELECT source_no, key, target_key, b.quantity, delta, b.instance_no, b.bill_hour, e.occurred, $9::timestamptz
       FROM batch b JOIN mine USING (source_no, key) JOIN events e USING (source_no, key) ORDER BY source_no, target_key
       ON CONFLICT (source_no, target_key) DO NOTHING RETURNING source_no, key
     ), freed AS (
       UPDATE quarantine q SET released_at = $9::timestamptz FROM noted
       WHERE q.source_no = noted.source_no AND q.key = noted.key
     )
     UPDATE events e SET instance_no = b.instance_no, bill_hour = NULLIF(b.bill_hour, billed_in(NULL, b.occurred)), occurred = b.occurred,
       quantity = b.delta
     FROM batch b JOIN noted USING (source_no, key)
     WHERE e.source_no = b.source_no AND e.key = b.key AND e.instance_no IS NULL
     RETURNING e.source_no AS "sourceNo", e.key`,
    [
      rows.map((row) => row.sourceNo),
      rows.map((row) => row.key),
      rows.map((row) => row.targetKey),
      rows.map((row) => row.instanceNo),
      stamps(rows.map((row) => row.occurred)),
      stamps(rows.map((row) => row.billHour)),
      rows.map((row) => row.quantity),
      rows.map((row) => row.delta),
      stamp(now),
    ],
  );
  return new Set(applied.map(({ sourceNo, key }) => `${sourceNo} ${key}`));
}

/** Those of the events that were corrected before. */
export async function findCorrected(
  db: Db,
  wanted: readonly { sourceNo: number; key: string }[],
): Promise<Set<string>> {
  const { rows } = await db.query<{ sourceNo: number; key: string }>(
    `SELECT x.source_no AS "sourceNo", x.target_key AS key FROM unnest($1::integer[], $2::uuid[]) AS t (source_no, key)
     JOIN corrections x ON x.source_no = t.source_no AND x.target_key = t.key`,
    [wanted.map(({ sourceNo }) => sourceNo), wanted.map(({ key }) => key)],
  );
  return new Set(rows.map(({ sourceNo, key }) => `${sourceNo} ${key}`));
}

export type CorrectionRefusal = Extract<
  QuarantineReason,
  "correction_mismatch" | "correction_impossible" | "corrected_already" | "scale_exceeded"
>;

import type { Aggregation, Micros, QuarantineReason } from "@quarterpast/domain";
import { stamp, stamps, type Db } from "../db/database.js";
import { bindEvents, nameOf, type EventName } from "./events.js";
import { endWaiting, lockWaiting } from "./quarantine.js";
import { ensureSources } from "./sources.js";

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

/** Up to `limit` waiting corrections after one, in the order of their keys. */
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
  /** The quantity it counts for now, decimal text; for a correcting event, the corrected quantity. */
  current: string;
}

/** The counted ones among the events. */
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
  /** The quantity of the usage now, and the signed difference: decimal texts. */
  quantity: string;
  delta: string;
}

/**
 * Takes corrections out of quarantine and stores them, each event corrected only once.
 * @returns the keys (`source key`) of those applied; the others were taken by another process, or came second.
 */
export async function applyCorrections(
  db: Db,
  rows: readonly AppliedCorrection[],
  now: Micros,
): Promise<Set<string>> {
  const mine = await lockWaiting(db, rows);
  const { rows: noted } = await db.query<EventName>(
    `INSERT INTO corrections (source_no, key, target_key, quantity, delta, instance_no, bill_hour, said_at, applied_at)
     SELECT source_no, key, target_key, t.quantity, delta, t.instance_no, t.bill_hour, e.occurred, $8::timestamptz
     FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::integer[], $5::timestamptz[], $6::numeric[], $7::numeric[])
       AS t (source_no, key, target_key, instance_no, bill_hour, quantity, delta)
     JOIN events e USING (source_no, key) ORDER BY source_no, target_key
     ON CONFLICT (source_no, target_key) DO NOTHING RETURNING source_no AS "sourceNo", key`,
    [
      mine.map((row) => row.sourceNo),
      mine.map((row) => row.key),
      mine.map((row) => row.targetKey),
      mine.map((row) => row.instanceNo),
      stamps(mine.map((row) => row.billHour)),
      mine.map((row) => row.quantity),
      mine.map((row) => row.delta),
      stamp(now),
    ],
  );
  await endWaiting(db, noted, now);
  const first = new Set(noted.map(nameOf));
  return bindEvents(
    db,
    mine.filter((row) => first.has(nameOf(row))),
  );
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

/** A correcting event as named in an export. */
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

/**
 * Restores what was corrected in an hour, so that no event is corrected twice, and a correction can be corrected
 * itself.
 */
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

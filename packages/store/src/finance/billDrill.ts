import type { Aggregation, Micros, RecordState } from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import { joinHours } from "../proof/eventLines.js";
import { BILL_LINE, type KeptBillLine } from "../reconcile/billLines.js";

/** A bill that was imported. */
export interface Bill {
  billNo: number;
  source: string;
  takenAt: Micros;
  complete: boolean;
  from: Micros | null;
  to: Micros | null;
  lines: number;
  /** A wider bill contains its lines again. */
  superseded: boolean;
  /** Decimal text by currency. */
  amounts: Record<string, string>;
}

/** Imported bills by number, `limit` of them after `after`. */
export async function listBills(
  db: Db,
  accountNo: number,
  { after, limit }: { after: number; limit: number },
): Promise<Bill[]> {
  const { rows } = await db.query<Bill>(
    `SELECT t.statement_id AS "billNo", t.source, t.taken_at AS "takenAt", t.complete, t.bill_from AS "from", t.bill_to AS "to",
       t.lines, t.superseded_by IS NOT NULL AS superseded, a.amounts
     FROM statements t CROSS JOIN LATERAL (
       SELECT json_object_agg(currency, amount) AS amounts FROM (
         SELECT currency, trim_scale(sum(amount))::text AS amount FROM bill_lines b WHERE b.statement_id = t.statement_id
         GROUP BY currency) sums
     ) a
     WHERE t.account_no = $1::smallint AND t.statement_id > $2::bigint AND a.amounts IS NOT NULL
     ORDER BY t.statement_id LIMIT $3::integer`,
    [accountNo, after, limit],
  );
  return rows;
}

/** One line of a bill with the sums of our records behind it. */
export interface DrilledLine extends KeptBillLine {
  /** Of our records behind the line. */
  records: number;
  recordsQuantity: string | null;
  expected: string | null;
}

/**
 * Which records are behind a line `b`: those of the most specific thing that it names, in the time that it names,
 * else in its month. A refund has none.
 */
const MAKES = `NOT b.refund AND r.account = (SELECT code FROM accounts WHERE account_no = $1::smallint) AND r.expected
  AND CASE WHEN b.sn IS NOT NULL THEN r.sn = b.sn
           WHEN b.instance_id IS NOT NULL THEN r.instance_id = b.instance_id ELSE r.product = b.product END
  AND (b.sn IS NOT NULL OR CASE WHEN b.begin_at IS NOT NULL AND b.end_at IS NOT NULL
           THEN r.begin_at >= b.begin_at AND r.begin_at < b.end_at ELSE r.month = b.usage_month END)`;

/** The lines of a bill with the sums of the records behind them, `limit` of them after the line `after`. */
export async function listBillLines(
  db: Db,
  accountNo: number,
  billNo: number,
  { after, limit }: { after: number; limit: number },
): Promise<DrilledLine[]> {
  const { rows } = await db.query<DrilledLine>(
    `WITH b AS (
       SELECT b.* FROM bill_lines b JOIN statements t USING (statement_id)
       WHERE t.account_no = $1::smallint AND statement_id = $2::bigint AND b.line > $3::integer ORDER BY b.line LIMIT $4::integer
     ), r AS MATERIALIZED (
       SELECT * FROM billing.revenue WHERE instance_id IN (SELECT instance_id FROM b)
         OR product IN (SELECT product FROM b WHERE b.instance_id IS NULL AND b.sn IS NULL)
         OR instance_id IN (SELECT i.instance_id FROM b JOIN records USING (sn) JOIN instances i USING (instance_no))
     )
     SELECT ${BILL_LINE}, s.records, s.quantity AS "recordsQuantity", s.expected
     FROM b CROSS JOIN LATERAL (
       SELECT count(*) AS records, trim_scale(sum(r.quantity))::text AS quantity, trim_scale(sum(r.amount))::text AS expected
       FROM r WHERE ${MAKES}
     ) s ORDER BY b.line`,
    [accountNo, billNo, after, limit],
  );
  return rows;
}

/** A record behind a line of a bill. */
export interface DrilledRecord {
  sn: string;
  instanceId: string;
  begin: Micros;
  end: Micros;
  state: RecordState;
  quantity: string;
  amount: string | null;
  currency: string | null;
}

/** The records behind a line of a bill, `limit` of them after the serial number `after`. */
export async function listLineRecords(
  db: Db,
  accountNo: number,
  { billNo, line, after, limit }: { billNo: number; line: number; after: string; limit: number },
): Promise<DrilledRecord[]> {
  const { rows } = await db.query<DrilledRecord>(
    `SELECT r.sn, r.instance_id AS "instanceId", r.begin_at AS begin, r.end_at AS "end", r.state,
       trim_scale(r.quantity)::text AS quantity, r.amount::text, r.currency
     FROM bill_lines b JOIN statements t USING (statement_id) CROSS JOIN billing.revenue r
     WHERE t.account_no = $1::smallint AND b.statement_id = $2::bigint AND b.line = $3::integer AND r.sn > $4::text AND ${MAKES}
       AND (b.instance_id IS NULL OR r.instance_id = b.instance_id)
     ORDER BY r.sn LIMIT $5::integer`,
    [accountNo, billNo, line, after, limit],
  );
  return rows;
}

/** How a record is made up: its hour's usage and the residue carried, which add up to what was filed. */
export interface RecordMakeup {
  sn: string;
  /** The record whose events it is based on: itself, or the one it replaced. */
  of: string;
  instanceNo: number;
  instanceId: string;
  meter: string;
  unit: string;
  aggregation: Aggregation;
  hour: Micros;
  quantity: string;
  /** Events of the hour, and their quantity. */
  events: number;
  usage: string;
  residueIn: string;
  /** Taken over from records that were surely not taken. */
  carried: string;
  residueOut: string;
  unbillable: string;
  /** Of all parts of the hour. */
  filed: string;
  parts: number;
}

/** How a record is made up; undefined if the serial number is not ours. */
export async function readMakeup(db: Db, accountNo: number, sn: string): Promise<RecordMakeup | undefined> {
  const { rows } = await db.query<RecordMakeup>(
    `WITH RECURSIVE line AS (
       SELECT sn, replaces, 0 AS depth FROM records WHERE sn = $2::text AND account_no = $1::smallint
       UNION ALL SELECT r.sn, r.replaces, depth + 1 FROM line JOIN records r ON r.sn = line.replaces
     ), first AS (SELECT sn FROM line ORDER BY depth DESC LIMIT 1)
     SELECT r.sn, o.sn AS of, r.instance_no AS "instanceNo", i.instance_id AS "instanceId", m.code AS meter, m.unit, m.aggregation,
       o.hour, trim_scale(r.quantity)::text AS quantity, u.events, u.usage,
       COALESCE(p.residue_in, '0') AS "residueIn", p.carried, COALESCE(p.residue_out, '0') AS "residueOut",
       COALESCE(trim_scale(n.quantity)::text, '0') AS unbillable, p.filed, p.parts
     FROM records r JOIN first ON true JOIN records o ON o.sn = first.sn
     JOIN instances i ON i.instance_no = r.instance_no JOIN meters m USING (meter_no)
     LEFT JOIN unbillable n ON n.instance_no = o.instance_no AND n.hour = o.hour
     CROSS JOIN LATERAL (
       SELECT COALESCE(trim_scale(sum(quantity))::text, '0') AS usage, COALESCE(sum(events), 0)::bigint AS events FROM hour_usage
       WHERE shard = r.shard AND bill_hour = o.hour AND instance_no = o.instance_no
     ) u
     CROSS JOIN LATERAL (
       SELECT trim_scale(sum(quantity))::text AS filed, COALESCE(trim_scale(sum(carried))::text, '0') AS carried, count(*) AS parts,
         (array_agg(canonical::jsonb ->> 'residue_in' ORDER BY part::integer))[1] AS residue_in,
         (array_agg(canonical::jsonb ->> 'residue_out' ORDER BY part::integer DESC))[1] AS residue_out
       FROM records p WHERE p.instance_no = o.instance_no AND p.hour = o.hour AND p.kind <> 'rereport'
     ) p
     WHERE r.sn = $2::text AND r.account_no = $1::smallint`,
    [accountNo, sn],
  );
  return rows[0];
}

/** An event behind a record. */
export interface DrilledEvent {
  source: string;
  id: string;
  key: string;
  time: Micros;
  /** What it counts for, signed decimal text; null for max and unique meters, which do not add up. */
  counts: string | null;
  quantity: string | null;
  value: string | null;
  /** Id of the event that it corrected. */
  corrects: string | null;
}

/** All events counted in a record's hour. */
type RecordHour = Pick<RecordMakeup, "instanceNo" | "hour" | "aggregation">;

/** What an event counts for: `$5` is the aggregation. */
const COUNTS = "CASE $5::text WHEN 'sum' THEN e.quantity WHEN 'count' THEN COALESCE(x.delta, 1) END";
const OF_HOUR = `
  FROM unnest($3::timestamptz[], $4::timestamptz[]) AS r (low, high)
  JOIN events e ON e.occurred >= r.low AND e.occurred < r.high
  LEFT JOIN corrections x ON x.source_no = e.source_no AND x.key = e.key
  WHERE e.instance_no = $1::integer AND billed_in(e.bill_hour, e.occurred) = $2::timestamptz`;

async function rangesOf(db: Db, { instanceNo, hour, aggregation }: RecordHour): Promise<unknown[]> {
  const origins = await db.query<{ origin: Micros }>(
    `SELECT origin_hour AS origin FROM hour_usage WHERE shard >= 0 AND bill_hour = $1::timestamptz
       AND instance_no = $2::integer ORDER BY 1`,
    [stamp(hour), instanceNo],
  );
  const ranges = joinHours(origins.rows.map(({ origin }) => origin));
  const [low, high] = [ranges.map(({ from }) => stamp(from)), ranges.map(({ to }) => stamp(to))];
  return [instanceNo, stamp(hour), low, high, aggregation];
}

/** How many events were counted in a record's hour, and their sum: null for max and unique meters. */
export async function sumRecordEvents(
  db: Db,
  of: RecordHour,
): Promise<{ events: number; counts: string | null }> {
  const { rows } = await db.query<{ events: number; counts: string | null }>(
    `SELECT count(*) AS events, trim_scale(sum(${COUNTS}))::text AS counts ${OF_HOUR}`,
    await rangesOf(db, of),
  );
  return rows[0]!;
}

/** The events counted in a record's hour, by source and key, `limit` of them after (source, key). */
export async function listRecordEvents(
  db: Db,
  of: RecordHour,
  { after, limit }: { after: readonly string[]; limit: number },
): Promise<DrilledEvent[]> {
  const { rows } = await db.query<DrilledEvent>(
    `SELECT s.source, COALESCE(e.id, e.key::text) AS id, e.key, e.occurred AS time, trim_scale(e.counts)::text AS counts,
       trim_scale(e.quantity)::text AS quantity, e.value, COALESCE(t.id, t.key::text) AS corrects
     FROM (SELECT e.*, x.target_key, ${COUNTS} AS counts ${OF_HOUR}) e
     JOIN sources s USING (source_no)
     LEFT JOIN events t ON t.source_no = e.source_no AND t.key = e.target_key
     WHERE (s.source COLLATE "C", e.key::text) > ($6::text, $7::text)
     ORDER BY s.source COLLATE "C", e.key::text LIMIT $8::integer`,
    [...(await rangesOf(db, of)), after[0] ?? "", after[1] ?? "", limit],
  );
  return rows;
}

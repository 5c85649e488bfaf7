import {
  formatCompact,
  HOUR,
  ALL_RECORD_FIELDS,
  totalText,
  wrapLine,
  type Micros,
} from "@quarterpast/domain";
import { stamp, type Db } from "../db/database.js";
import { escaped, holdsSql, lineSql } from "./lineSql.js";
import type { HourScope } from "./scope.js";
import { readRecordLinesOf } from "./recordLines.js";
import { LINES_PER_TEXT, readAll, readTexts, TEXTS_AT_ONCE } from "../db/cursor.js";

/**
 * The lines of a proven hour without its events, written by the database itself, about a hundred in each text: what a
 * verifier of chain and manifest reads. They are the same lines as those of `readHourLines`, byte for byte.
 */
export async function* readStoredTexts(db: Db, scope: HourScope): AsyncGenerator<string[]> {
  yield* readUsageTextsOf(db, scope);
  yield* readRecordTexts(db, scope);
}

/**
 * The frozen bytes of an hour's records, one shard after the other, about a hundred in each text: what a verifier of
 * the chain reads. Their columns are not checked.
 */
export async function* readChainTexts(db: Db, scope: HourScope): AsyncGenerator<string[]> {
  const parameters = [scope.accountNo, scope.seqFrom, scope.seqTo];
  yield* readTexts(db, "chain_texts", CHAIN_TEXTS, parameters, 4 * TEXTS_AT_ONCE);
}

/** The totals in the ledger: what finance reads is what is verified. */
export async function readStoredTotals(db: Db, { accountNo, hour }: HourScope): Promise<string[]> {
  const { rows } = await db.query<Parameters<typeof totalText>[0]>(
    `SELECT t.kind, t.meter, t.product, t.unit, trim_scale(t.quantity)::text AS quantity, t.records
     FROM manifest_totals t JOIN manifests m USING (account_no, number)
     WHERE m.account_no = $1::smallint AND m.hour = $2::timestamptz
     ORDER BY concat_ws(E'\\n', t.product, t.meter, t.unit, t.kind) COLLATE "C"`,
    [accountNo, stamp(hour)],
  );
  return rows.map((total) => wrapLine("total", totalText(total)));
}

async function* readUsageTextsOf(db: Db, { accountNo, hour }: HourScope): AsyncGenerator<string[]> {
  const parameters = [accountNo, stamp(hour), formatCompact(hour)];
  yield* readTexts(db, "usage_texts", USAGE_TEXTS, parameters);
}

const compact = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS"Z"')`;

const ORIGIN_LINE = lineSql("origin", {
  events: "o.events",
  instance: escaped("i.instance_id"),
  origin: `CASE WHEN o.origin_hour = $2::timestamptz THEN $3::text ELSE ${compact("o.origin_hour")} END`,
  quantity: "trim_scale(o.quantity)",
});

const USAGE_LINE = lineSql("usage", {
  account: escaped("a.code"),
  aggregation: "m.aggregation",
  events: "u.events",
  hour: "$3::text",
  instance: escaped("i.instance_id"),
  meter: escaped("m.code"),
  quantity: "u.quantity",
  reason: escaped("COALESCE(b.reason, '')"),
  root: "COALESCE(encode(p.events_root, 'hex'), '')",
  sn: escaped("COALESCE(p.sn, '')"),
  unbillable: "COALESCE(trim_scale(b.quantity)::text, '0')",
});

const USAGE_TEXTS = `
  SELECT string_agg(text, E'\\n' ORDER BY id COLLATE "C") AS text
  FROM (
    SELECT i.instance_id AS id, (row_number() OVER (ORDER BY i.instance_id COLLATE "C") - 1) / ${LINES_PER_TEXT} AS page,
      (SELECT string_agg(${ORIGIN_LINE}, E'\\n' ORDER BY o.origin_hour)
         FROM unnest(u.origin_hours, u.quantities, u.counts) AS o (origin_hour, quantity, events))
      || E'\\n' || ${USAGE_LINE} AS text
    FROM (
      SELECT instance_no, trim_scale(sum(quantity)) AS quantity, sum(events)::bigint AS events,
        array_agg(origin_hour) AS origin_hours, array_agg(quantity) AS quantities, array_agg(events) AS counts
      FROM hour_usage WHERE shard >= 0 AND bill_hour = $2::timestamptz GROUP BY instance_no
    ) u
    JOIN instances i ON i.instance_no = u.instance_no AND i.account_no = $1::smallint
    JOIN accounts a USING (account_no)
    JOIN meters m USING (meter_no)
    LEFT JOIN unbillable b ON b.instance_no = i.instance_no AND b.hour = $2::timestamptz
    LEFT JOIN record_proofs p ON p.hour = $2::timestamptz AND p.instance_no = i.instance_no
  ) lines GROUP BY page ORDER BY page`;

/** If the columns of a record differ from its bytes, its text is made again line by line, with the differences. */
async function* readRecordTexts(db: Db, scope: HourScope): AsyncGenerator<string[]> {
  const { accountNo, hour, seqFrom, seqTo } = scope;
  for (const [shard, to] of seqTo.entries()) {
    const parameters = [accountNo, shard, seqFrom[shard]!, to, ...hourTexts(hour)];
    type Row = { text: string; isSame: boolean; low: number; high: number };
    for await (const rows of readAll<Row>(db, "record_texts", RECORD_TEXTS, parameters, TEXTS_AT_ONCE)) {
      for (const { text, isSame, low, high } of rows) {
        yield isSame ? [text] : await readRecordLinesOf(db, accountNo, shard, low, high);
      }
    }
  }
}

function hourTexts(hour: Micros): string[] {
  return [stamp(hour), formatCompact(hour), formatCompact(hour + HOUR)];
}

/** One of the hour's own instants by its prepared text; others are formatted one by one. */
const timeOf = (column: string): string =>
  `CASE ${column} WHEN $5::timestamptz THEN $6::text WHEN $5::timestamptz + interval '1 hour' THEN $7::text
     ELSE ${compact(column)} END`;

/** Conditions that a record's bytes hold what its columns say. */
const SAME = holdsSql("r.canonical", ALL_RECORD_FIELDS, {
  account: { sql: "a.code" },
  begin: { sql: timeOf("r.begin_at") },
  carried: { sql: "r.carried", optional: true },
  carries: undefined,
  end: { sql: timeOf("r.end_at") },
  events: { sql: "r.events" },
  hour: { sql: timeOf("r.hour") },
  instance: { sql: "i.instance_id" },
  kind: { sql: "r.kind" },
  meter: undefined,
  package: { sql: "r.package_instance", optional: true },
  part: { sql: "r.part" },
  prev: { sql: "r.prev" },
  product: undefined,
  qty: { sql: "r.quantity" },
  record_time: undefined,
  replaces: { sql: "COALESCE(r.replaces, '')" },
  residue_in: undefined,
  residue_out: undefined,
  seq: { sql: "r.seq" },
  shard: { sql: "r.shard" },
  sn: { sql: "r.sn" },
  unit: undefined,
  v: undefined,
});

/** The wrapping of each record is the separator, so that nothing is concatenated twice. */
const RECORD_LINES = `'{"record":' || string_agg(r.canonical, E'}\\n{"record":' ORDER BY r.seq) || '}'`;

const RECORD_TEXTS = `
  SELECT ${RECORD_LINES} AS text, min(r.seq) AS low, max(r.seq) AS high,
    bool_and(
      ${SAME.join("\n      AND ")}
      AND r.checksum = encode(sha256(convert_to(E'billrec-v1\\n' || r.canonical, 'UTF8')), 'hex')) AS "isSame"
  FROM records r JOIN instances i USING (instance_no) JOIN accounts a ON a.account_no = r.account_no
  WHERE r.account_no = $1::smallint AND r.shard = $2::smallint AND r.seq BETWEEN $3::bigint AND $4::bigint
  GROUP BY r.seq / ${LINES_PER_TEXT} ORDER BY r.seq / ${LINES_PER_TEXT}`;

/** Shard by shard, because a shard's records are adjacent in the index; all at once, the hour would be sorted. */
const CHAIN_TEXTS = `
  SELECT s.text FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY AS t (low, high, shard)
  CROSS JOIN LATERAL (
    SELECT ${RECORD_LINES} AS text
    FROM records r
    WHERE r.account_no = $1::smallint AND r.shard = (t.shard - 1)::smallint AND r.seq BETWEEN t.low AND t.high
    GROUP BY r.seq / ${LINES_PER_TEXT} ORDER BY r.seq / ${LINES_PER_TEXT}
  ) s`;

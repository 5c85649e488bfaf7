import { SECOND, type Micros } from "@quarterpast/domain";
import { stamp, type Db, type Pool } from "./db.js";
import { allowLongReads } from "./manifests.js";
import { readAll } from "./proofEvents.js";

/** The columns of an export of records, in order. */
export const EXPORT_COLUMNS = [
  ...([
    "sn",
    "account",
    "product",
    "instanceId",
    "subject",
    "meter",
    "unit",
    "kind",
    "part",
    "hour",
    "begin",
  ] as const),
  ...(["end", "quantity", "events", "state", "code", "replaces", "shard", "seq", "checksum"] as const),
] as const;

export type ExportFormat = "csv" | "ndjson";

export interface ExportFilter {
  accountNo: number;
  from: Micros;
  to: Micros;
  product?: string | undefined;
  subject?: string | undefined;
}

/**
 * Lines of the records of the hours from `from` until before `to`, by hour and chain, without a header; each text holds
 * some hundred lines. The database writes them, in one snapshot and hour by hour, one step ahead of the reader: memory
 * stays flat. Quantities are the decimal texts they were frozen as.
 */
export async function* readExport(
  pool: Pool,
  filter: ExportFilter,
  format: ExportFormat,
): AsyncGenerator<string[]> {
  yield* ahead(readHours(pool, filter, format));
}

async function* readHours(pool: Pool, filter: ExportFilter, format: ExportFormat): AsyncGenerator<string[]> {
  const { accountNo, from, to, product = null, subject = null } = filter;
  const client = await pool.connect();
  let broken = true;
  try {
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await allowLongReads(client);
    await client.query("SET LOCAL work_mem = '64MB'");
    await client.query(TEXTS[format], [accountNo, product, subject]);
    await client.query("ANALYZE export_texts");
    for (const hour of await hoursWithRecords(client, accountNo, from, to)) {
      for await (const rows of readAll<{ lines: string }>(
        client,
        "export_lines",
        LINES[format],
        [accountNo, stamp(hour)],
        TEXTS_AT_ONCE,
      ))
        yield rows.map(({ lines }) => lines);
    }
    await client.query("COMMIT");
    broken = false;
  } finally {
    client.release(broken);
  }
}

const TEXTS_AT_ONCE = 8;
const LINES_PER_TEXT = 500;

/** Asks for the next while the reader is busy with this one. */
async function* ahead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = source.next();
  try {
    for (;;) {
      const { value, done } = await next;
      if (done) return;
      next = source.next();
      // Told when it is waited for.
      next.catch(() => {});
      yield value;
    }
  } finally {
    await source.return(undefined);
  }
}

async function hoursWithRecords(db: Db, accountNo: number, from: Micros, to: Micros): Promise<Micros[]> {
  const { rows } = await db.query<{ hour: Micros }>(
    `SELECT DISTINCT hour FROM call_totals WHERE account_no = $1::smallint AND hour >= $2::timestamptz
       AND hour < $3::timestamptz ORDER BY hour`,
    [accountNo, stamp(from), stamp(to)],
  );
  return rows.map(({ hour }) => hour);
}

/** The cells of each instance, from account to unit, written once an export. */
const textsOf = (text: string): string => `
  CREATE TEMP TABLE export_texts ON COMMIT DROP AS
  SELECT i.instance_no, ${text} AS text
  FROM instances i JOIN accounts a USING (account_no) JOIN meters m USING (meter_no)
  WHERE i.account_no = $1::smallint AND ($2::text IS NULL OR i.product = $2::text) AND ($3::text IS NULL OR i.subject = $3::text)`;

const INSTANCE_CELLS = {
  account: "a.code",
  product: "i.product",
  instanceId: "i.instance_id",
  subject: "i.subject",
  meter: "m.code",
  unit: "m.unit",
};

const TEXTS: Record<ExportFormat, string> = {
  csv: textsOf(
    Object.values(INSTANCE_CELLS)
      .map((cell) => `csv_cell(${cell})`)
      .join(" || ',' || "),
  ),
  ndjson: textsOf(
    Object.entries(INSTANCE_CELLS)
      .map(([name, cell]) => `'"${name}":' || to_json(${cell})`)
      .join(" || ',' || "),
  ),
};

const SECONDS = `'YYYY-MM-DD"T"HH24:MI:SS"Z"'`;
const timeOf = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', ${SECONDS})`;

/** Cells after those of the instance; most records fill their hour, and what is said of it is written once. */
const RECORD_CELLS: Record<string, string> = {
  kind: "r.kind",
  part: "r.part",
  hour: "h.text",
  begin: `CASE WHEN r.begin_at = r.hour THEN h.text ELSE ${timeOf("r.begin_at")} END`,
  end: `CASE WHEN r.end_at = h.next THEN h.next_text ELSE ${timeOf("r.end_at")} END`,
  quantity: "r.quantity",
  events: "r.events",
  state: "COALESCE(x.state, c.state)",
  code: "COALESCE(o.code, c.code, '')",
  replaces: "COALESCE(r.replaces, '')",
  shard: "r.shard",
  seq: "r.seq",
  checksum: "r.checksum",
};

/**
 * Records of an hour from the calls that carry them: the newest one where there are several, as `billing.records` has it.
 */
const linesOf = (line: string): string => `
  WITH h AS (
    SELECT $2::timestamptz + interval '1 hour' AS next, ${timeOf("$2::timestamptz")} AS text,
      ${timeOf("($2::timestamptz + interval '1 hour')")} AS next_text
  ), calls AS MATERIALIZED (
    SELECT s.account_no, s.shard, s.seq_from, s.seq_to, s.state, s.code, newer.places
    FROM submissions s
    LEFT JOIN LATERAL (
      SELECT range_agg(int8range(n.seq_from, n.seq_to, '[]')) AS places FROM submissions n
      WHERE int8range(chain_position(n.account_no, n.shard, n.seq_from), chain_position(n.account_no, n.shard, n.seq_to), '[]')
          && int8range(chain_position(s.account_no, s.shard, s.seq_from), chain_position(s.account_no, s.shard, s.seq_to), '[]')
        AND n.submission_id > s.submission_id AND n.state <> 'split'
    ) newer ON true
    WHERE s.state <> 'split' AND s.submission_id IN (
      SELECT submission_id FROM call_totals WHERE account_no = $1::smallint AND hour = $2::timestamptz)
  ), lines AS (
    SELECT r.shard, r.seq, ${line} AS line
    FROM calls c
    CROSS JOIN h
    JOIN records r ON r.account_no = c.account_no AND r.shard = c.shard AND r.seq BETWEEN c.seq_from AND c.seq_to
    JOIN export_texts t USING (instance_no)
    LEFT JOIN own_states x ON x.account_no = r.account_no AND x.shard = r.shard AND x.seq = r.seq
    LEFT JOIN LATERAL (
      SELECT code FROM outcomes o WHERE x.seq IS NOT NULL AND o.sn = r.sn ORDER BY o.outcome_id DESC LIMIT 1
    ) o ON true
    WHERE r.hour = $2::timestamptz AND (c.places IS NULL OR NOT c.places @> r.seq)
  )
  SELECT string_agg(line, E'\\n' ORDER BY seq) AS lines FROM lines
  GROUP BY shard, seq / ${LINES_PER_TEXT} ORDER BY shard, seq / ${LINES_PER_TEXT}`;

const isText = (name: string): boolean => name === "code";

const LINES: Record<ExportFormat, string> = {
  csv: linesOf(
    [
      "r.sn",
      "t.text",
      ...Object.entries(RECORD_CELLS).map(([name, cell]) => (isText(name) ? `csv_cell(${cell})` : cell)),
    ].join(" || ',' || "),
  ),
  ndjson: linesOf(
    `'{"sn":"' || r.sn || '",' || t.text || ${Object.entries(RECORD_CELLS)
      .map(([name, cell]) =>
        isText(name) ? `',"${name}":' || to_json(${cell})` : `',"${name}":"' || ${cell} || '"'`,
      )
      .join(" || ")} || '}'`,
  ),
};

/** What was filed in the hours of a span, as the manifests sign it. */
export async function summarize(
  pool: Pool,
  { accountNo, from, to }: Pick<ExportFilter, "accountNo" | "from" | "to">,
): Promise<
  { product: string; meter: string; unit: string; kind: string; quantity: string; records: number }[]
> {
  const { rows } = await pool.query(
    `SELECT t.product, t.meter, t.unit, t.kind, trim_scale(sum(t.quantity))::text AS quantity, sum(t.records)::bigint AS records
     FROM manifest_totals t JOIN manifests m USING (account_no, number)
     WHERE m.account_no = $1::smallint AND m.hour >= $2::timestamptz AND m.hour < $3::timestamptz
     GROUP BY t.product, t.meter, t.unit, t.kind ORDER BY t.product, t.meter, t.unit, t.kind`,
    [accountNo, stamp(from), stamp(to)],
  );
  return rows;
}

/** What was filed of a product in a day of the marketplace, in its present state. */
export interface DayTotal {
  day: string;
  product: string;
  meter: string;
  unit: string;
  state: string;
  quantity: string;
  records: number;
}

/** What was filed in the hours of a span, by product, day and state; `dayOffset` is that of the marketplace's day. */
export async function summarizeDays(
  pool: Pool,
  { accountNo, from, to, dayOffset }: Pick<ExportFilter, "accountNo" | "from" | "to"> & { dayOffset: Micros },
): Promise<DayTotal[]> {
  const { rows } = await pool.query<DayTotal>(
    `SELECT to_char((b.hour AT TIME ZONE 'UTC') + make_interval(secs => $4::float8), 'YYYY-MM-DD') AS day, b.product, b.meter,
       b.unit, b.state, trim_scale(sum(b.quantity))::text AS quantity, sum(b.records)::bigint AS records
     FROM billing.records_by_hour b JOIN accounts a ON a.code = b.account
     WHERE a.account_no = $1::smallint AND b.hour >= $2::timestamptz AND b.hour < $3::timestamptz
     GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5`,
    [accountNo, stamp(from), stamp(to), dayOffset / SECOND],
  );
  return rows;
}

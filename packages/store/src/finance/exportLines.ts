import { formatInstant, HOUR, type Micros } from "@quarterpast/domain";
import { LINES_PER_TEXT } from "../db/cursor.js";

/** The columns of an export of records, in order. */
export const EXPORT_COLUMNS = [
  ...(["sn", "account", "product", "instanceId", "subject", "meter", "unit", "kind", "part"] as const),
  ...(["hour", "begin", "end", "quantity", "events", "state", "code", "replaces"] as const),
  ...(["shard", "seq", "checksum"] as const),
] as const;
type ExportColumn = (typeof EXPORT_COLUMNS)[number];

export type ExportFormat = "csv" | "ndjson";

/** How a line is written: the text before each cell and after the last, and how a text is escaped inside a cell. */
export interface Format {
  before: (name: string) => string;
  end: string;
  inside: (text: string) => string;
}

/** By the name in an export's request. */
export const FORMATS: Record<ExportFormat, Format> = {
  csv: {
    before: (name) => (name === EXPORT_COLUMNS[0] ? "" : ","),
    end: "",
    inside: (text) => `csv_cell(${text})`,
  },
  ndjson: {
    before: (name) => (name === EXPORT_COLUMNS[0] ? `{"${name}":"` : `","${name}":"`),
    end: '"}',
    inside: (text) => `substr(to_json(${text})::text, 2, length(to_json(${text})::text) - 2)`,
  },
};

/** Writes the cells of columns, in their order; `cells` gives the SQL of each. */
function cellsOf<Column extends ExportColumn>(
  { before, end }: Format,
  cells: Readonly<Record<Column, string>>,
): string {
  const names = EXPORT_COLUMNS.filter((name): name is Column => name in cells);
  const places = names.map((name) => `${before(name)}%s`);
  const last = names.at(-1) === EXPORT_COLUMNS.at(-1) ? end : "";
  return `format('${places.join("")}${last}', ${names.map((name) => cells[name]).join(", ")})`;
}

/** Columns whose cells are written together elsewhere: once an instance, once an hour, once a call. */
type Together = { columns: readonly ExportColumn[]; sql: string };

/** Writes a whole line: each column's own cell, or, at the first column of those written together, theirs. */
function wholeLine(
  format: Format,
  together: readonly Together[],
  own: Readonly<Partial<Record<ExportColumn, string>>>,
): string {
  const pieces: { place: string; sql: string }[] = [];
  for (const name of EXPORT_COLUMNS) {
    const group = together.find(({ columns }) => columns.includes(name));
    const sql = group ? group.sql : own[name];
    if (sql === undefined) throw new Error(`no cell for ${name}`);
    if (!group) pieces.push({ place: `${format.before(name)}%s`, sql });
    else if (group.columns[0] === name) pieces.push({ place: "%s", sql });
  }
  const places = pieces.map(({ place }) => place).join("");
  return `format('${places}${format.end}', ${pieces.map(({ sql }) => sql).join(", ")})`;
}

/** Writes the cells of each instance of an account ($1), a product ($2) and a subject ($3), once per export. */
export const textsOf = (format: Format): string => `
  CREATE TEMP TABLE export_texts ON COMMIT DROP AS
  SELECT i.instance_no, ${cellsOf(format, {
    account: format.inside("a.code"),
    product: format.inside("i.product"),
    instanceId: format.inside("i.instance_id"),
    subject: format.inside("i.subject"),
    meter: format.inside("m.code"),
    unit: format.inside("m.unit"),
  })} AS text
  FROM instances i JOIN accounts a USING (account_no) JOIN meters m USING (meter_no)
  WHERE i.account_no = $1::smallint AND ($2::text IS NULL OR i.product = $2::text) AND ($3::text IS NULL OR i.subject = $3::text)`;

/** The cells of a record that fills its hour, written once per hour. */
export function textOfHour({ before }: Format, hour: Micros): string {
  const begin = formatInstant(hour);
  return `${before("hour")}${begin}${before("begin")}${begin}${before("end")}${formatInstant(hour + HOUR)}`;
}

const SECONDS = `'YYYY-MM-DD"T"HH24:MI:SS"Z"'`;
const timeOf = (column: string): string => `to_char(${column} AT TIME ZONE 'UTC', ${SECONDS})`;

/** State and code of a record; written once per call for records that have the call's. */
const faredOf = (format: Format, state: string, code: string): string => cellsOf(format, { state, code });

const lineOf = (format: Format): string => {
  const times = { hour: timeOf("r.hour"), begin: timeOf("r.begin_at"), end: timeOf("r.end_at") };
  return wholeLine(
    format,
    [
      { columns: ["account", "product", "instanceId", "subject", "meter", "unit"], sql: "t.text" },
      {
        columns: ["hour", "begin", "end"],
        sql: `CASE WHEN r.begin_at = r.hour AND r.end_at = r.hour + interval '1 hour' THEN $3::text
      ELSE ${cellsOf(format, times)} END`,
      },
      {
        columns: ["state", "code"],
        sql: `CASE WHEN x.seq IS NULL THEN c.fared ELSE ${faredOf(format, "x.state", "COALESCE(x.code, c.code)")} END`,
      },
    ],
    {
      ...{ sn: "r.sn", kind: "r.kind", part: "r.part", quantity: "r.quantity", events: "r.events" },
      ...{ replaces: "r.replaces", shard: "r.shard", seq: "r.seq", checksum: "r.checksum" },
    },
  );
};

const RECORD_FIELDS =
  "account_no, shard, seq, instance_no, hour, sn, kind, part, begin_at, end_at, quantity, events, replaces, checksum";

/**
 * Records of an hour ($2) from the calls that contain them: from the newest if there are several, as in
 * `billing.records`. $3 are the cells of a record that fills the hour.
 *
 * The form matters for the planner, which expects far more records in a call and far fewer in an hour than there are.
 * OFFSET 0: each call's records are read by their places, and lines are written before they are sorted. CASE: the few
 * rows that the planner expects would be joined to `own` one by one. `+ 0`: for an hour long ago, most calls are
 * newer.
 */
export const linesOf = (format: Format): string => `
  WITH calls AS MATERIALIZED (
    SELECT s.account_no, s.shard, s.seq_from, s.seq_to, ${faredOf(format, "s.state", "a.code")} AS fared, a.code, newer.places
    FROM submissions s
    CROSS JOIN LATERAL (SELECT ${format.inside("COALESCE(s.code, '')")} AS code) a
    LEFT JOIN LATERAL (
      SELECT range_agg(int8range(n.seq_from, n.seq_to, '[]')) AS places FROM submissions n
      WHERE int8range(chain_position(n.account_no, n.shard, n.seq_from), chain_position(n.account_no, n.shard, n.seq_to), '[]')
          && int8range(chain_position(s.account_no, s.shard, s.seq_from), chain_position(s.account_no, s.shard, s.seq_to), '[]')
        AND n.submission_id + 0 > s.submission_id AND n.state <> 'split'
    ) newer ON true
    WHERE s.state <> 'split' AND s.submission_id IN (
      SELECT submission_id FROM call_totals WHERE account_no = $1::smallint AND hour = $2::timestamptz)
  ), own AS MATERIALIZED (
    SELECT x.account_no, x.shard, x.seq, x.state, ${format.inside("o.code")} AS code
    FROM own_states x
    JOIN records r USING (account_no, shard, seq)
    LEFT JOIN LATERAL (SELECT code FROM outcomes o WHERE o.sn = r.sn ORDER BY o.outcome_id DESC LIMIT 1) o ON true
    WHERE x.account_no = $1::smallint AND x.hour = $2::timestamptz
  ), lines AS (
    SELECT r.shard, r.seq, ${lineOf(format)} AS line
    FROM calls c
    CROSS JOIN LATERAL (
      SELECT ${RECORD_FIELDS} FROM records r
      WHERE r.account_no = c.account_no AND r.shard = c.shard AND r.seq BETWEEN c.seq_from AND c.seq_to OFFSET 0
    ) r
    JOIN export_texts t USING (instance_no)
    LEFT JOIN own x ON x.account_no = r.account_no AND x.shard = r.shard AND x.seq = r.seq
    WHERE CASE WHEN r.hour = $2::timestamptz THEN c.places IS NULL OR NOT c.places @> r.seq ELSE false END
    OFFSET 0
  )
  SELECT string_agg(line, E'\\n' ORDER BY seq) AS text FROM lines
  GROUP BY shard, seq / ${LINES_PER_TEXT} ORDER BY shard, seq / ${LINES_PER_TEXT}`;

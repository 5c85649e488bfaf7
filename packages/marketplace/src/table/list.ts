import type { Period } from "@quarterpast/domain";
import { bodyOf } from "./body.js";
import type { RowReading } from "./fields.js";
import { findLayout, wordsFor, type Layout } from "./layout.js";
import { statedPeriod } from "./period.js";
import { problemAt, type ListProblem } from "./problem.js";
import { readBillLine, readStatementLine, type BillLine, type StatementLine } from "./rows.js";
import type { ImportField, ImportKind, ImportProfile, ListRules } from "./rules.js";
import { readTable, tableOfText, type ListFormat } from "./source.js";
import { TableError, type Table } from "./table.js";

/** What a marketplace states. Absence from it proves nothing unless it is complete. */
export interface Statement {
  lines: StatementLine[];
  /** It says so itself, and every line was readable. */
  complete: boolean;
  problems: ListProblem[];
}

/** The content of a list, and how it was understood. */
export interface List extends Statement {
  kind: ImportKind;
  layout: Layout;
  sheet: string;
  /** Lines of a bill; `lines` are those of a list of bill records. */
  bill: BillLine[];
  /** Rows of data. */
  rows: number;
  /** The period that the file says it covers. */
  period: Period | undefined;
}

export interface ListOptions {
  /** The marketplace's names for things. */
  rules: ListRules;
  profile?: Partial<ImportProfile> | undefined;
  /** Number of rows according to the marketplace's page: another proof that the file is complete. */
  expectedRows?: number | undefined;
  /** By default decided by the beginning of the file. */
  format?: ListFormat | undefined;
  /**
   * The file is a list of bill records as written by the marketplace, not saved by a spreadsheet program: its header
   * is its first row, its times have a zone, every row is as wide as the header. JSON always is.
   */
  isExact?: boolean | undefined;
}

/**
 * Reads an exported file: a list of bill records, transaction details or a monthly bill, as CSV, XLSX, JSON or
 * NDJSON. It is complete only if it says so itself: JSON by `complete: true` (and as many records as its `total`),
 * NDJSON by a last line `{"complete":true,"total":N}`, a table by a last row `#total,N` or totals that add up; or by
 * the expected rows. WARNING: a stranger's workbook belongs in a thread with limits: `readListApart`.
 * @throws TableError if it is not such a file at all; unreadable cells are problems that name them
 */
export async function readList(bytes: Uint8Array, options: ListOptions): Promise<List> {
  const { format, profile } = options;
  return readOr(options, bytes, async () => listOf(await readTable(bytes, format, profile?.sheet), options));
}

/** {@link readList} for text: CSV, JSON or NDJSON. */
export function readListText(text: string, options: ListOptions): List {
  const { format } = options;
  try {
    return listOf(tableOfText(text, format === "xlsx" ? undefined : format), options);
  } catch (error) {
    return unreadable(error, options, text);
  }
}

async function readOr(options: ListOptions, bytes: Uint8Array, read: () => Promise<List>): Promise<List> {
  try {
    return await read();
  } catch (error) {
    return unreadable(error, options, Buffer.from(bytes.subarray(0, 40)).toString("utf8"));
  }
}

/** For a list in the marketplace's own form, an error of the whole is one of its problems. */
function unreadable(error: unknown, { isExact }: ListOptions, text: string): List {
  if (!(error instanceof TableError) || isExact !== true) throw error;
  const { en, zh } = error.right;
  const layout: Layout = { kind: "sdr", headerRow: 0, headerLine: 0, headers: [], at: {}, missing: [] };
  return { ...emptyList(layout, ""), problems: [problemAt(0, "file", text.slice(0, 40), en, zh)] };
}

const emptyList = (layout: Layout, sheet: string): List => ({
  ...{ kind: layout.kind, layout, sheet, lines: [], bill: [], rows: 0 },
  ...{ period: undefined, complete: false, problems: [] },
});

/** Reads a table from any source. */
export function listOf(table: Table, options: ListOptions): List {
  const { rules, profile = {}, expectedRows } = options;
  const isExact = options.isExact === true || table.json !== undefined;
  const layout = findLayout(table, rules, {
    kind: options.isExact === true ? "sdr" : profile.kind,
    columns: profile.columns,
    isFirstRow: isExact,
  });
  const body = bodyOf(table, layout, isExact);
  const isEmptyJson = table.json?.problems.length === 0 && body.rows.length === 0;
  if (isEmptyJson) return { ...emptyList(layout, ""), complete: body.complete };
  if (layout.missing.length > 0) {
    const problems = layout.missing.map((field) => missing(layout, rules, field));
    return { ...emptyList(layout, table.sheet), problems: [...(table.json?.problems ?? []), ...problems] };
  }
  const zoneMinutes = profile.zoneMinutes ?? (isExact ? undefined : 0);
  const reading: RowReading = { zoneMinutes, from1904: table.from1904, layout, rules, hasCells: !isExact };
  const list = emptyList(layout, table.sheet);
  const problems = [...body.problems];
  for (const row of body.rows) {
    if (layout.kind === "sdr") put(readStatementLine(row, reading), list.lines, problems);
    else put(readBillLine(row, reading, profile.currency), list.bill, problems);
  }
  const count = body.rows.length;
  if (expectedRows !== undefined && expectedRows !== count) {
    const [en, zh] = [`${expectedRows} rows, as announced`, `${expectedRows} 行（已告知的行数）`];
    problems.push(problemAt(0, "rows", String(count), en, zh));
  }
  return {
    ...list,
    rows: count,
    period: statedPeriod(table, layout, reading),
    complete: problems.length === 0 && (body.complete || expectedRows === count),
    problems,
  };
}

function put<L>(read: L | ListProblem[], lines: L[], problems: ListProblem[]): void {
  if (Array.isArray(read)) for (const problem of read) problems.push(problem);
  else lines.push(read);
}

function missing({ kind, headerLine }: Layout, rules: ListRules, field: ImportField): ListProblem {
  const known = wordsFor(rules, kind, field).join(", ");
  return problemAt(
    headerLine,
    field,
    "",
    `a column with one of these headers: ${known}`,
    `以下表头之一：${known}`,
  );
}

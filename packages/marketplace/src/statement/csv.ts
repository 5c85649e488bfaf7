import { CsvError, parse } from "csv-parse/sync";
import type { Statement } from "./line.js";
import { missingColumns, problemAt, statementOf, type Row } from "./rows.js";

interface Parsed {
  record: string[];
  info: { lines: number };
}

/** Reads CSV (or tab-separated text) with a header in English or Chinese, and its completeness marker. */
export function parseCsvStatement(text: string): Statement {
  let table: Parsed[];
  try {
    table = parse(text, {
      delimiter: firstLine(text).includes("\t") ? "\t" : ",",
      info: true,
      relax_column_count: true,
      // Files that were pasted together mix line ends; told once, the library would take the first for all.
      record_delimiter: ["\r\n", "\n", "\r"],
      skip_empty_lines: true,
    }) as unknown as Parsed[];
  } catch (error) {
    return broken(error);
  }
  const header = table.find(({ record }) => !isComment(record));
  const problems = missingColumns(header?.record ?? [], header?.info.lines ?? 0);
  if (header === undefined || problems.length > 0) return { lines: [], complete: false, problems };
  const body = table.slice(table.indexOf(header) + 1);
  const records = body.filter(({ record }) => !isComment(record));
  const short = records.filter(({ record }) => record.length !== header.record.length);
  const wrongWidth = short.map(({ record, info }) => {
    const count = header.record.length;
    return problemAt(
      info.lines,
      "row",
      record.join(","),
      `${count} columns, not ${record.length}`,
      `${count} 列`,
    );
  });
  const rows = records.filter((row) => !short.includes(row)).map((row) => rowOf(header.record, row));
  return statementOf(rows, isCompleteMarker(body.at(-1)?.record, records.length), wrongWidth);
}

function rowOf(header: readonly string[], { record, info }: Parsed): Row {
  const values = header.map((name, index) => [name, withoutGuard(record[index] ?? "")]);
  return { line: info.lines, values: Object.fromEntries(values) as Record<string, string> };
}

/** Exports for spreadsheets put an apostrophe before what could be taken for a formula. */
function withoutGuard(cell: string): string {
  return /^'[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;
}

function isComment(record: readonly string[]): boolean {
  return record[0]?.trimStart().startsWith("#") ?? false;
}

/** Only `#total,N` with as many records as it says; a file cut short lost it, one of several pages has `#more`. */
function isCompleteMarker(record: readonly string[] | undefined, count: number): boolean {
  return record?.[0]?.trim() === "#total" && Number(record[1]) === count && record[1] !== "";
}

function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? "";
}

function broken(error: unknown): Statement {
  if (!(error instanceof CsvError)) throw error;
  const { lines } = error as CsvError & { lines?: number };
  const right = { en: `well-formed CSV (${error.message})`, zh: `格式正确的 CSV（${error.message}）` };
  return {
    lines: [],
    complete: false,
    problems: [{ line: lines ?? 0, column: "file", value: error.code, right }],
  };
}

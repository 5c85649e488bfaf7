import { CsvError, parse } from "csv-parse/sync";
import { TableError, type Row, type Table } from "./table.js";

interface Parsed {
  record: string[];
  info: { lines: number };
}

/** Reads text separated by commas, semicolons or tabs, whichever is most frequent in its first line. */
export function readCsv(text: string): Table {
  let parsed: Parsed[];
  try {
    parsed = parse(text, {
      delimiter: delimiterOf(text),
      info: true,
      relax_column_count: true,
      // Files that were pasted together mix line ends; by default, the library would use the first one for all.
      record_delimiter: ["\r\n", "\n", "\r"],
      skip_empty_lines: true,
    }) as unknown as Parsed[];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new TableError(
      `the text is not well-formed CSV: ${error.message}`,
      `不是格式正确的 CSV：${error.message}`,
      { en: `well-formed CSV (${error.message})`, zh: `格式正确的 CSV（${error.message}）` },
    );
  }
  const rows = parsed.map(({ record, info }): Row => {
    const cells = record.map((cell) => ({ text: withoutGuard(cell), isNumber: false }));
    return { line: info.lines, cells };
  });
  return { sheet: "", rows, from1904: false };
}

function delimiterOf(text: string): string {
  const line = text.split(/\r?\n/, 1)[0] ?? "";
  const counts = [",", "\t", ";"].map((mark) => [line.split(mark).length, mark] as const);
  return counts.reduce((most, next) => (next[0] > most[0] ? next : most))[1];
}

/** Exports for spreadsheets put an apostrophe before text that could be taken for a formula. */
function withoutGuard(cell: string): string {
  return /^'[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;
}

import { CsvError, parse } from "csv-parse/sync";
import { columnLetters, TableError, type Cell, type Table } from "./table.js";
import { decodeText } from "./text.js";
import { readXlsx } from "./xlsx.js";

/** Reads a file as a table: an XLSX workbook by its first bytes, else text with commas, semicolons or tabs. */
export function readTable(bytes: Uint8Array, sheet?: string): Table {
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
  if (isZip) return readXlsx(bytes, sheet);
  if (bytes[0] === 0xd0 && bytes[1] === 0xcf) {
    throw new TableError(
      "this is an old .xls workbook: save it as .xlsx or .csv",
      "这是旧版 .xls 工作簿：请另存为 .xlsx 或 .csv",
    );
  }
  return { sheet: "", rows: readCsv(decodeText(bytes)), from1904: false };
}

interface Parsed {
  record: string[];
  info: { lines: number };
}

function readCsv(text: string): Cell[][] {
  const plain = text.replace(/^\ufeff/, "");
  try {
    const parsed = parse(plain, {
      delimiter: delimiterOf(plain),
      info: true,
      relax_column_count: true,
      // Files that were pasted together mix line ends; told once, the library would take the first for all.
      record_delimiter: ["\r\n", "\n", "\r"],
      skip_empty_lines: true,
    }) as unknown as Parsed[];
    return parsed.map(({ record, info }) =>
      record.map((cell, at) => ({
        ref: `${columnLetters(at)}${info.lines}`,
        text: withoutGuard(cell),
        isNumber: false,
      })),
    );
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new TableError(
      `the text is no well-formed CSV: ${error.message}`,
      `不是格式正确的 CSV：${error.message}`,
    );
  }
}

function delimiterOf(text: string): string {
  const line = text.split(/\r?\n/, 1)[0] ?? "";
  const counts = [",", "\t", ";"].map((mark) => [line.split(mark).length, mark] as const);
  return counts.reduce((most, next) => (next[0] > most[0] ? next : most))[1];
}

/** Exports for spreadsheets put an apostrophe before what could be taken for a formula. */
function withoutGuard(cell: string): string {
  return /^'[=+\-@\t\r]/.test(cell) ? cell.slice(1) : cell;
}

import { isObject, parseJson } from "../json.js";
import { readCsv } from "./csv.js";
import { readJsonList, readNdjsonList } from "./json.js";
import { TableError, type Table } from "./table.js";
import { decodeText } from "./text.js";
import { readXlsx } from "./xlsx.js";

/** Formats in which a list may be exported. */
export const LIST_FORMATS = ["csv", "xlsx", "json", "ndjson"] as const;
export type ListFormat = (typeof LIST_FORMATS)[number];

/**
 * Reads a file as a table: an XLSX workbook by its first bytes, else text.
 * @param format of text; by default decided by its beginning
 * @throws TableError if it cannot be read at all
 */
export async function readTable(bytes: Uint8Array, format?: ListFormat, sheet?: string): Promise<Table> {
  if (format === "xlsx" || (bytes[0] === 0x50 && bytes[1] === 0x4b)) return readXlsx(bytes, sheet);
  if (bytes[0] === 0xd0 && bytes[1] === 0xcf) {
    throw new TableError(
      "this is an old .xls workbook: save it as .xlsx or .csv",
      "这是旧版 .xls 工作簿：请另存为 .xlsx 或 .csv",
    );
  }
  return tableOfText(decodeText(bytes), format);
}

/** Reads CSV, JSON or NDJSON, with or without a byte order mark. @throws TableError if it is none of them */
export function tableOfText(text: string, format?: Exclude<ListFormat, "xlsx">): Table {
  const plain = text.replace(/^\ufeff/, "");
  switch (format ?? formatOf(plain)) {
    case "json":
      return readJsonList(plain);
    case "ndjson":
      return readNdjsonList(plain);
    case "csv":
      return readCsv(plain);
  }
}

function formatOf(text: string): Exclude<ListFormat, "xlsx"> {
  const start = text.trimStart();
  if (start.startsWith("[")) return "json";
  if (!start.startsWith("{")) return "csv";
  const end = start.search(/\r?\n/);
  // One JSON object per line, or a single one: the first line shows which.
  return end > 0 && isObject(parseJson(start.slice(0, end))) && start.slice(end).trim() !== ""
    ? "ndjson"
    : singleLine(start);
}

function singleLine(text: string): Exclude<ListFormat, "xlsx"> {
  return /^\{\s*"(?:records|total|complete|nextCursor)"/.test(text) || !isObject(parseJson(text))
    ? "json"
    : "ndjson";
}

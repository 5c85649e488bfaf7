import { isObject, parseJson } from "../json.js";
import { parseCsvStatement } from "./csv.js";
import { parseJsonStatement, parseNdjsonStatement } from "./json.js";
import type { Statement } from "./line.js";

/** Forms in which an SDR list is exported. */
export const STATEMENT_FORMATS = ["json", "ndjson", "csv"] as const;
export type StatementFormat = (typeof STATEMENT_FORMATS)[number];

/**
 * Reads an exported SDR list. It is complete only where it says so itself: JSON by `complete: true` (and as many
 * records as its `total`), NDJSON by a last line `{"complete":true,"total":N}`, CSV by a last line `#total,N`.
 * @param text the file's text, with or without a byte order mark
 * @param format told from the text where absent
 */
export function parseStatementFile(text: string, format?: StatementFormat): Statement {
  const plain = text.replace(/^\ufeff/, "");
  switch (format ?? formatOf(plain)) {
    case "json":
      return parseJsonStatement(plain);
    case "ndjson":
      return parseNdjsonStatement(plain);
    case "csv":
      return parseCsvStatement(plain);
  }
}

function formatOf(text: string): StatementFormat {
  const start = text.trimStart();
  if (start.startsWith("[")) return "json";
  if (!start.startsWith("{")) return "csv";
  const end = start.search(/\r?\n/);
  // One JSON object per line, or one over all of them: the first line tells.
  return end > 0 && isObject(parseJson(start.slice(0, end))) && start.slice(end).trim() !== ""
    ? "ndjson"
    : singleLine(start);
}

function singleLine(text: string): StatementFormat {
  return /^\{\s*"(?:records|total|complete|nextCursor)"/.test(text) || !isObject(parseJson(text))
    ? "json"
    : "ndjson";
}

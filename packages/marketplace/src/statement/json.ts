import { JSON_DEPTH_MAX, showJson } from "@quarterpast/domain";
import type { Statement, StatementProblem } from "./line.js";
import { isObject, parseJson } from "../json.js";
import { problemAt, statementOf, type Row } from "./rows.js";

/** A page of an SDR list in JSON: its records, and what it says of its completeness. */
export interface JsonPage {
  records: readonly unknown[];
  complete: boolean;
  total: number | undefined;
  nextCursor: string | undefined;
}

/** Reads `{records, total, complete, nextCursor}` or a bare list; undefined where it is neither. */
export function jsonPageOf(value: unknown): JsonPage | undefined {
  if (Array.isArray(value))
    return { records: value, complete: false, total: undefined, nextCursor: undefined };
  if (!isObject(value) || !Array.isArray(value["records"])) return undefined;
  const { total, nextCursor } = value;
  return {
    records: value["records"],
    complete: value["complete"] === true,
    total: typeof total === "number" ? total : undefined,
    nextCursor: typeof nextCursor === "string" && nextCursor !== "" ? nextCursor : numberText(nextCursor),
  };
}

/** Rows of records, numbered from `first`; a record that is no object becomes a problem. */
export function rowsOfRecords(
  records: readonly unknown[],
  first = 1,
): { rows: Row[]; problems: StatementProblem[] } {
  const rows: Row[] = [];
  const problems: StatementProblem[] = [];
  for (const [index, values] of records.entries()) {
    if (isObject(values)) rows.push({ line: first + index, values });
    else problems.push(notAnObject(first + index, showJson(values)));
  }
  return { rows, problems };
}

/** Reads one JSON document; its records are numbered, as they have no lines. */
export function parseJsonStatement(text: string): Statement {
  const page = jsonPageOf(parseJson(text));
  if (page === undefined) {
    const problem = problemAt(
      0,
      "file",
      text.slice(0, 40),
      `JSON with a list of records, nested at most ${JSON_DEPTH_MAX} levels`,
      `包含话单列表的 JSON，嵌套不超过 ${JSON_DEPTH_MAX} 层`,
    );
    return { lines: [], complete: false, problems: [problem] };
  }
  const { rows, problems } = rowsOfRecords(page.records);
  const isWhole =
    page.nextCursor === undefined && (page.total ?? page.records.length) === page.records.length;
  return statementOf(rows, page.complete && isWhole, problems);
}

/** Reads one JSON record per line, and the completeness marker. */
export function parseNdjsonStatement(text: string): Statement {
  const rows: Row[] = [];
  const problems: StatementProblem[] = [];
  let marker: Record<string, unknown> | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const values = parseJson(line);
    // What follows a marker was added to a file that had been finished: it cannot be trusted to be whole.
    const isMarker = isObject(values) && "complete" in values;
    if (!isObject(values)) problems.push(notAnObject(index + 1, line));
    else if (!isMarker) rows.push({ line: index + 1, values });
    marker = isMarker ? values : undefined;
  }
  const total = marker?.["total"] ?? rows.length;
  return statementOf(rows, marker?.["complete"] === true && total === rows.length, problems);
}

function notAnObject(line: number, value: string): StatementProblem {
  return problemAt(
    line,
    "record",
    value,
    `a JSON object with the fields of a record, nested at most ${JSON_DEPTH_MAX} levels`,
    `包含话单字段的 JSON 对象，嵌套不超过 ${JSON_DEPTH_MAX} 层`,
  );
}

function numberText(value: unknown): string | undefined {
  return typeof value === "number" ? String(value) : undefined;
}

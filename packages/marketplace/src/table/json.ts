import { JSON_DEPTH_MAX, readJson, showJson } from "@quarterpast/domain";
import { isObject, parseJson } from "../json.js";
import { problemAt, type ListProblem } from "./problem.js";
import { COLUMNS_MAX, TableError, type Cell, type Row, type Table } from "./table.js";

/** A page of a list in JSON: its records, and what it says about its completeness. */
export interface JsonPage {
  records: readonly unknown[];
  complete: boolean;
  total: number | undefined;
  nextCursor: string | undefined;
}

/** Reads `{records, total, complete, nextCursor}` or a bare list; undefined if it is neither. */
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

/** Reads one JSON document; its records are numbered, because they have no lines. */
export function readJsonList(text: string): Table {
  const read = readJson(text);
  const page = read.ok ? jsonPageOf(read.value) : undefined;
  if (page === undefined) {
    const right = {
      en: `JSON with a list of records, nested at most ${JSON_DEPTH_MAX} levels`,
      zh: `包含话单列表的 JSON，嵌套不超过 ${JSON_DEPTH_MAX} 层`,
    };
    throw new TableError(`the text is not ${right.en}`, `不是${right.zh}`, right);
  }
  const { records, complete, total, nextCursor } = page;
  const isWhole = complete && nextCursor === undefined && (total ?? records.length) === records.length;
  const lines = records.map((value, index): [number, unknown] => [index + 1, value]);
  return tableOfRecords(lines, isWhole);
}

/** Reads one JSON record per line, and a last line `{"complete":true,"total":N}`. */
export function readNdjsonList(text: string): Table {
  const lines: [number, unknown][] = [];
  let marker: Record<string, unknown> | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const value = parseJson(line) ?? line;
    // Anything after a marker was added to a finished file, which cannot be trusted to be complete then.
    const isMarker = isObject(value) && "complete" in value;
    if (!isMarker) lines.push([index + 1, value]);
    marker = isMarker ? value : undefined;
  }
  const total = marker?.["total"] ?? lines.length;
  return tableOfRecords(lines, marker?.["complete"] === true && total === lines.length);
}

/**
 * The table of JSON records; its header is the names of their fields.
 * @param lines records with their numbers; one that is not an object becomes a problem
 */
export function tableOfRecords(lines: Iterable<readonly [number, unknown]>, isWhole: boolean): Table {
  const columns = new Map<string, number>();
  const header: Cell[] = [];
  const rows: Row[] = [{ line: 0, cells: header }];
  const problems: ListProblem[] = [];
  for (const [line, value] of lines) {
    if (!isObject(value)) {
      problems.push(notAnObject(line, value));
      continue;
    }
    const cells: Cell[] = [];
    for (const [name, field] of Object.entries(value)) {
      let at = columns.get(name);
      if (at === undefined) {
        if (columns.size === COLUMNS_MAX) throw tooManyFields();
        columns.set(name, (at = columns.size));
        header.push({ text: name, isNumber: false });
      }
      while (cells.length <= at) cells.push(NOTHING);
      cells[at] = cellOf(field);
    }
    rows.push({ line, cells });
  }
  for (const { cells } of rows) while (cells.length < header.length) (cells as Cell[]).push(NOTHING);
  return { sheet: "", rows, from1904: false, json: { isWhole, problems } };
}

const NOTHING: Cell = { text: "", isNumber: false, isNone: true };

function cellOf(value: unknown): Cell {
  if (typeof value === "string") return { text: value, isNumber: false };
  if (typeof value === "number") return { text: String(value), isNumber: true };
  return value === null ? NOTHING : { text: showJson(value), isNumber: false, isNone: true };
}

function notAnObject(line: number, value: unknown): ListProblem {
  return problemAt(
    line,
    "record",
    typeof value === "string" ? value : showJson(value),
    `a JSON object with the fields of a record, nested at most ${JSON_DEPTH_MAX} levels`,
    `包含话单字段的 JSON 对象，嵌套不超过 ${JSON_DEPTH_MAX} 层`,
  );
}

function tooManyFields(): TableError {
  return new TableError(
    `the records have more than ${COLUMNS_MAX} different fields: this is not a list of bill records`,
    `记录的字段超过 ${COLUMNS_MAX} 种：不是话单列表`,
  );
}

function numberText(value: unknown): string | undefined {
  return typeof value === "number" ? String(value) : undefined;
}

import { columnOf, HEADERS, MANDATORY, type Column } from "./columns.js";
import type { Statement, StatementLine, StatementProblem } from "./line.js";
import { readLine, type Cells } from "./readLine.js";

/** A record of a source: its line number and its values under the source's own names. */
export interface Row {
  line: number;
  values: Readonly<Record<string, unknown>>;
}

/** Reads rows into a statement; `complete` is what the source said, and falls with the first problem. */
export function statementOf(
  rows: Iterable<Row>,
  complete: boolean,
  known: StatementProblem[] = [],
): Statement {
  const lines: StatementLine[] = [];
  const problems = [...known];
  for (const row of rows) {
    const read = readRow(row);
    if (Array.isArray(read)) for (const problem of read) problems.push(problem);
    else lines.push(read);
  }
  return { lines, complete: complete && problems.length === 0, problems };
}

function readRow({ line, values }: Row): StatementLine | StatementProblem[] {
  const cells: Cells = {};
  const names: Partial<Record<Column, string>> = {};
  for (const [name, value] of Object.entries(values)) {
    const column = columnOf(name);
    if (column === undefined || names[column] !== undefined) continue;
    cells[column] = value;
    names[column] = name;
  }
  return readLine(cells, line, names);
}

/** A problem for each mandatory column that none of the headers names. */
export function missingColumns(headers: readonly string[], line: number): StatementProblem[] {
  const found = new Set(headers.map(columnOf));
  return MANDATORY.filter((column) => !found.has(column)).map((column) => {
    const accepted = HEADERS[column].join(", ");
    const right = { en: `a column with one of these headers: ${accepted}`, zh: `以下表头之一：${accepted}` };
    return { line, column, value: "", right };
  });
}

/** A problem of the whole source, or of one of its lines. */
export function problemAt(
  line: number,
  column: string,
  value: string,
  en: string,
  zh: string,
): StatementProblem {
  return { line, column, value, right: { en, zh } };
}

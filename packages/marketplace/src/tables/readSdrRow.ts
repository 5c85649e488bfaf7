import { formatInstant } from "@quarterpast/domain";
import type { StatementLine, StatementProblem } from "../statement/line.js";
import { readLine, type Cells } from "../statement/readLine.js";
import { rowOf } from "./body.js";
import type { ImportField } from "./fields.js";
import type { Layout } from "./layout.js";
import { cellAt, nameOf } from "./rowCells.js";
import type { Cell } from "./table.js";
import { readCode, readDecimal, readId, readTime, type Reading } from "./values.js";

const SDR_READERS: Partial<Record<ImportField, (cell: Cell, reading: Reading) => string | undefined>> = {
  serialNumber: readId,
  instanceId: readId,
  begin: timeText,
  end: timeText,
  collectedAt: timeText,
  quantity: readDecimal,
  code: readCode,
};

function timeText(cell: Cell, reading: Reading): string | undefined {
  const at = readTime(cell, reading);
  return at === undefined ? undefined : formatInstant(at);
}

/**
 * Reads a row of an SDR list. Brings the cells to the interface's own form; what cannot be stays as it is, for the line's
 * reader to name.
 */
export function readSdrRow(
  row: readonly Cell[],
  layout: Layout,
  reading: Reading,
): StatementLine | StatementProblem[] {
  const cells: Cells = {};
  const names: Record<string, string> = {};
  for (const { field } of layout.headers) {
    if (field === null) continue;
    const cell = cellAt(row, layout, field)!;
    const reader = SDR_READERS[field];
    const value = reader ? reader(cell, reading) : cell.text;
    const isLostId = value === undefined && reader === readId && cell.text.trim() !== "";
    cells[field as keyof Cells] = isLostId ? null : (value ?? cell.text);
    names[field] = nameOf(row, layout, field);
  }
  const result = readLine(cells, rowOf(row), names);
  if (!Array.isArray(result)) return result;
  return result.map((problem) => ({ ...problem, value: shown(problem, row, layout, names) }));
}

function shown(
  problem: StatementProblem,
  row: readonly Cell[],
  layout: Layout,
  names: Readonly<Record<string, string>>,
): string {
  const field = Object.keys(names).find((name) => names[name] === problem.column) as ImportField | undefined;
  return (field && cellAt(row, layout, field)?.text) || problem.value;
}

import { addDecimals } from "@quarterpast/domain";
import type { Layout } from "./layout.js";
import { problemAt, type ListProblem } from "./problem.js";
import { EMPTY, firstText, refOf, type Row, type Table } from "./table.js";
import { isRefund, readDecimal, refundAmount } from "./values.js";

/** The part of a table below its header: rows of data, and what the file says about its own completeness. */
export interface Body {
  rows: Row[];
  /** `#total,N` with exactly N rows, a row of totals that adds up, or the marker of JSON. */
  complete: boolean;
  problems: ListProblem[];
}

const TOTALS = /^(合计|总计|总额|total|grand total|sum)$/i;

/**
 * The rows below the header.
 * @param isExact for a list in the marketplace's own form: each row has as many cells as the header, and a truncated
 *   row is reported by its end, not as wrong cells
 */
export function bodyOf(table: Table, layout: Layout, isExact: boolean): Body {
  const below = table.rows.slice(layout.headerRow + 1);
  if (table.json) return { rows: below, complete: table.json.isWhole, problems: table.json.problems };
  const rows = below.filter((row) => firstText(row) !== "");
  const end = rows.findIndex((row) => isEnd(firstText(row)));
  const data = (end < 0 ? rows : rows.slice(0, end)).filter((row) => !firstText(row).startsWith("#"));
  const widths = isExact ? wrongWidths(data, layout.headers.length) : [];
  const kept =
    widths.length === 0 ? data : data.filter(({ cells }) => cells.length === layout.headers.length);
  if (end < 0) return { rows: kept, complete: false, problems: widths };
  // Anything after the end was added to a finished file, which cannot be trusted to be complete then.
  const behind = rows.slice(end + 1).filter((row) => !isEnd(firstText(row)));
  const added = behind.slice(0, 1).map((row) => {
    const [en, zh] = ["nothing behind the row of totals", "合计行之后不应有内容"];
    return problemAt(row.line, refOf(0, row.line), firstText(row), en, zh);
  });
  const wrong = endProblem(rows[end]!, data, layout.at);
  const problems = [...widths, ...(wrong && !isExact ? [wrong] : []), ...added];
  const complete = problems.length === 0 && !wrong && !firstText(rows[end]!).startsWith("#more");
  return { rows: kept, complete, problems };
}

const isEnd = (text: string) => text === "#total" || text === "#more" || TOTALS.test(text);

function wrongWidths(data: readonly Row[], count: number): ListProblem[] {
  return data
    .filter(({ cells }) => cells.length !== count)
    .map(({ line, cells }) => {
      const text = cells.map((cell) => cell?.text ?? "").join(",");
      return problemAt(line, "row", text, `${count} columns, not ${cells.length}`, `${count} 列`);
    });
}

function endProblem(
  end: Row,
  data: readonly Row[],
  { amount: sumOf, type }: Layout["at"],
): ListProblem | undefined {
  const word = firstText(end);
  if (word === "#more") return undefined;
  const problem = (column: number, en: string, zh: string) => {
    const cell = end.cells[column];
    return problemAt(end.line, cell ? refOf(column, end.line) : "", cell?.text ?? "", en, zh);
  };
  if (word === "#total") {
    const at = end.cells.findIndex((cell) => /\d/.test(cell?.text ?? ""));
    if (readDecimal(end.cells[at] ?? EMPTY) === String(data.length)) return undefined;
    return problem(at, `${data.length}, as many rows as there are`, `${data.length}（实际行数）`);
  }
  const stated = sumOf === undefined ? undefined : readDecimal(end.cells[sumOf] ?? EMPTY);
  if (sumOf === undefined || stated === undefined)
    return problemAt(end.line, word, "", "a sum that can be checked", "可核对的合计金额");
  const sum = sumColumn(data, sumOf, undefined);
  // A file may write refunds without a sign and still subtract them.
  if (sum === stated || sumColumn(data, sumOf, type) === stated) return undefined;
  return problem(sumOf, `${sum}, the sum of the rows above`, `${sum}（以上各行之和）`);
}

function sumColumn(data: readonly Row[], column: number, type: number | undefined): string {
  const amounts = data.map(({ cells }) => {
    const amount = readDecimal(cells[column] ?? EMPTY) ?? "0";
    return refundAmount(amount, type !== undefined && isRefund(cells[type]?.text ?? ""));
  });
  return addDecimals("0", ...amounts);
}

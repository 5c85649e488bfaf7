import { addDecimals } from "@quarterpast/domain";
import type { StatementProblem } from "../statement/line.js";
import { problemAt } from "../statement/rows.js";
import { isRefund, refundAmount } from "./fields.js";
import type { Layout } from "./layout.js";
import type { Cell, Table } from "./table.js";
import { readDecimal } from "./values.js";

/** What stands below a header: rows of data, and what the file says of its own completeness. */
export interface Body {
  rows: Cell[][];
  /** `#total,N` with as many rows, or a row of totals that adds up. */
  complete: boolean;
  problems: StatementProblem[];
}

const TOTALS = /^(合计|总计|总额|total|grand total|sum)$/i;

export function bodyOf(table: Table, layout: Layout): Body {
  const rows = table.rows
    .slice(layout.headerRow + 1)
    .filter((row) => row.some(({ text }) => text.trim() !== ""));
  const end = rows.findIndex((row) => isEnd(firstText(row)));
  const data = (end < 0 ? rows : rows.slice(0, end)).filter((row) => !firstText(row).startsWith("#"));
  if (end < 0) return { rows: data, complete: false, problems: [] };
  // What follows the end was added to a file that had been finished: it cannot be trusted to be whole.
  const behind = rows.slice(end + 1).filter((row) => !isEnd(firstText(row)));
  const wrong = endProblem(rows[end]!, data, layout.at);
  const added = behind[0] && [
    problemAt(
      rowOf(behind[0]),
      behind[0][0]?.ref ?? "",
      firstText(behind[0]),
      "nothing behind the row of totals",
      "合计行之后不应有内容",
    ),
  ];
  const problems = [...(wrong ? [wrong] : []), ...(added ?? [])];
  return {
    rows: data,
    complete: problems.length === 0 && !firstText(rows[end]!).startsWith("#more"),
    problems,
  };
}

const firstText = (row: readonly Cell[]) => row.find(({ text }) => text.trim() !== "")?.text.trim() ?? "";
const isEnd = (text: string) => text === "#total" || text === "#more" || TOTALS.test(text);

/** The row number that a spreadsheet program shows. */
export function rowOf(row: readonly Cell[]): number {
  return Number(/\d+$/.exec(row.find(({ ref }) => ref !== "")?.ref ?? "")?.[0] ?? 0);
}

function endProblem(
  end: readonly Cell[],
  data: readonly Cell[][],
  { amount: sumOf, type }: Layout["at"],
): StatementProblem | undefined {
  if (firstText(end) === "#more") return undefined;
  if (firstText(end) === "#total") {
    const stated = end.find(({ text }) => /\d/.test(text));
    if (stated && readDecimal(stated) === String(data.length)) return undefined;
    const count = String(data.length);
    return problemAt(
      rowOf(end),
      stated?.ref ?? "",
      stated?.text ?? "",
      `${count}, as many rows as there are`,
      `${count}（实际行数）`,
    );
  }
  const cell = sumOf === undefined ? undefined : end[sumOf];
  const stated = cell && readDecimal(cell);
  if (sumOf === undefined || stated === undefined) {
    return problemAt(rowOf(end), firstText(end), "", "a sum that can be checked", "可核对的合计金额");
  }
  const sum = sumColumn(data, sumOf, undefined);
  // A file may write refunds without a sign and take them off all the same.
  if (sum === stated || sumColumn(data, sumOf, type) === stated) return undefined;
  return problemAt(
    rowOf(end),
    cell!.ref,
    cell!.text,
    `${sum}, the sum of the rows above`,
    `${sum}（以上各行之和）`,
  );
}

function sumColumn(data: readonly Cell[][], column: number, type: number | undefined): string {
  const amounts = data.map((row) => {
    const amount = readDecimal(row[column] ?? EMPTY) ?? "0";
    return refundAmount(amount, type !== undefined && isRefund(row[type]?.text ?? ""));
  });
  return addDecimals("0", ...amounts);
}

export const EMPTY: Cell = { ref: "", text: "", isNumber: false };

import type { Text } from "@quarterpast/domain";

/** An unreadable part of a list: its position, the value found, and what would be right. */
export interface ListProblem {
  /** Line of the file, or number of the record if the file has no lines; from 1. 0: the whole. */
  line: number;
  /**
   * The column's header, preceded by the cell if the file has cells (`C2 begin_time`); otherwise the part of the
   * list.
   */
  column: string;
  value: string;
  right: Text;
}

/** A problem of the whole list, or of one of its lines. */
export function problemAt(line: number, column: string, value: string, en: string, zh: string): ListProblem {
  return { line, column, value, right: { en, zh } };
}

/** One line for a person: what is wrong and what would be right. */
export function problemText(problem: ListProblem, language: keyof Text): string {
  const { line, column, value } = problem;
  const shown = value === "" ? "" : ` ${JSON.stringify(value.slice(0, 100))}`;
  return language === "zh"
    ? `第 ${line} 行，${column}${shown}：应为${problem.right.zh}`
    : `line ${line}, ${column}${shown}: expected ${problem.right.en}`;
}

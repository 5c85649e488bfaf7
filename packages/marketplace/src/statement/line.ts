import type { Micros, Text } from "@quarterpast/domain";

/** What a marketplace made of a record: still to be validated, valid, void, or in a formal bill. */
export const STATED_STATES = ["pending", "normal", "abnormal", "billed"] as const;
export type StatedState = (typeof STATED_STATES)[number];

/** One record as the marketplace states it. */
export interface StatementLine {
  /** Empty where the record went out without one (the old push): it is then known by instance, begin and end. */
  serialNumber: string;
  instanceId: string;
  begin: Micros;
  end: Micros;
  /** Decimal text without trailing zeros. */
  quantity: string;
  state: StatedState;
  /** Why it is abnormal. */
  code?: string;
  /** When it was collected into a bill. */
  collectedAt?: Micros;
}

/** Something in a statement that cannot be read: where, what was found, what would be right. */
export interface StatementProblem {
  /** Line of the file, or number of the record where the file has no lines; from 1. 0: the whole. */
  line: number;
  column: string;
  value: string;
  right: Text;
}

/** What a marketplace states. Absence from it proves nothing unless it is complete. */
export interface Statement {
  lines: StatementLine[];
  /** It says so itself, and nothing of it was unreadable. */
  complete: boolean;
  problems: StatementProblem[];
}

/** One line that tells a person about a problem. */
export function problemText(problem: StatementProblem, language: keyof Text): string {
  const { line, column, value } = problem;
  const shown = value === "" ? "" : ` ${JSON.stringify(value.slice(0, 100))}`;
  return language === "zh"
    ? `第 ${line} 行，${column}${shown}：应为${problem.right.zh}`
    : `line ${line}, ${column}${shown}: right would be ${problem.right.en}`;
}

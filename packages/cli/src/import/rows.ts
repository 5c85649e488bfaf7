import type { ErrorCode } from "@quarterpast/domain";
import type { Text } from "../lang.js";
import { wrongFile, type InputFile } from "./text.js";

/** The value in one column of a row; undefined if there is none. */
export type Cell = string | number | undefined;

/** Why a row cannot be sent. */
export interface RowProblem {
  code: ErrorCode;
  text: Text;
}

/** One row of a file. */
export interface SourceRow {
  /** Line of the file on which it ends, from 1. */
  line: number;
  /** Bytes of the file up to its end. */
  bytes: number;
  content: { cell(column: string): Cell } | { event: unknown } | { problem: RowProblem };
}

/** Shows a value in a message. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Checks that each needed column exists exactly once. @throws CliError 2 that lists the existing columns. */
export function requireColumns(file: InputFile, found: readonly string[], needed: readonly string[]): void {
  const names = found.map((name) => name.trim());
  for (const column of needed) {
    const times = names.filter((name) => name === column).length;
    if (times === 1) continue;
    const there = names.map((name) => JSON.stringify(name)).join(", ");
    if (times > 1) {
      throw wrongFile(
        `${file.name} names the column ${JSON.stringify(column)} ${times} times: ${there}`,
        `${file.name} 中列 ${JSON.stringify(column)} 出现了 ${times} 次：${there}`,
      );
    }
    throw wrongFile(
      `${file.name} has no column ${JSON.stringify(column)}; its columns are ${there}`,
      `${file.name} 中没有列 ${JSON.stringify(column)}；现有的列为 ${there}`,
    );
  }
}

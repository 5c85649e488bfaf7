import type { ErrorCode } from "@quarterpast/domain";
import type { Text } from "../lang.js";

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

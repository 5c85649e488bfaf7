import {
  parseCompact,
  parseInstant,
  parseQuantity,
  showJson,
  type Micros,
  type Text,
} from "@quarterpast/domain";
import { plainText } from "../plainText.js";
import { normalHeader, STATES, type Column } from "./columns.js";
import type { StatementLine, StatementProblem } from "./line.js";

/** Values of one record by column, as they came. */
export type Cells = Partial<Record<Column, unknown>>;

const RIGHT: Record<Column, Text> = {
  serialNumber: { en: "a serial number", zh: "话单唯一标识" },
  instanceId: { en: "an instance id", zh: "实例 ID" },
  begin: { en: "a UTC time such as 20231116T180000Z", zh: "UTC 时间，例如 20231116T180000Z" },
  end: {
    en: "a UTC time such as 20231116T190000Z, not before begin",
    zh: "不早于开始时间的 UTC 时间，例如 20231116T190000Z",
  },
  quantity: { en: "a decimal such as 12.5", zh: "十进制数，例如 12.5" },
  state: { en: "pending, normal, abnormal or billed", zh: "待处理、正常、异常或已出账" },
  code: { en: "a code such as 005, or nothing", zh: "错误码（例如 005）或留空" },
  collectedAt: {
    en: "a UTC time such as 20231116T191500Z, or nothing",
    zh: "UTC 时间（例如 20231116T191500Z）或留空",
  },
};

/**
 * Reads one record of a statement.
 * @param line number of its line, for problems
 * @param names the source's own name of each column, for problems
 * @returns the line, or every problem of it
 */
export function readLine(
  cells: Cells,
  line: number,
  names: Partial<Record<Column, string>>,
): StatementLine | StatementProblem[] {
  const problems: StatementProblem[] = [];
  const take = <T>(column: Column, read: (text: string) => T | undefined): T | undefined => {
    const value = textOf(cells[column]);
    const read_ = value === undefined ? undefined : read(value);
    if (read_ === undefined) {
      problems.push({
        line,
        column: names[column] ?? column,
        value: value ?? shownOf(cells[column]),
        right: RIGHT[column],
      });
    }
    return read_;
  };
  const begin = take("begin", instantOf);
  const read = {
    serialNumber: isBlank(cells.serialNumber) ? "" : take("serialNumber", plainText),
    instanceId: take("instanceId", plainText),
    begin,
    end: take("end", (text) => notBefore(instantOf(text), begin)),
    quantity: take("quantity", parseQuantity),
    state: take("state", stateOf),
    ...(isFilled(cells.code) && { code: take("code", plainText) }),
    ...(isFilled(cells.collectedAt) && { collectedAt: take("collectedAt", instantOf) }),
  };
  return problems.length > 0 ? problems : (read as StatementLine);
}

/** A column that is there and empty; an id that a spreadsheet spoiled is none. */
const isBlank = (value: unknown): boolean => typeof value === "string" && value.trim() === "";

function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value.trim();
  return typeof value === "number" ? parseQuantity(value) : undefined;
}

function shownOf(value: unknown): string {
  return value === undefined || value === null ? "" : showJson(value);
}

function isFilled(value: unknown): boolean {
  return value !== undefined && value !== null && (typeof value !== "string" || value.trim() !== "");
}

function instantOf(text: string): Micros | undefined {
  return parseCompact(text) ?? parseInstant(text);
}

function notBefore(at: Micros | undefined, begin: Micros | undefined): Micros | undefined {
  return at !== undefined && begin !== undefined && at < begin ? undefined : at;
}

function stateOf(text: string) {
  const word = normalHeader(text);
  return Object.hasOwn(STATES, word) ? STATES[word] : undefined;
}

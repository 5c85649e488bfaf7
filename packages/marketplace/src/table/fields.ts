import type { Micros, Text } from "@quarterpast/domain";
import { plainText } from "../plainText.js";
import type { Layout } from "./layout.js";
import { problemAt, type ListProblem } from "./problem.js";
import { normalCode, normalWord, type ImportField, type ListRules, type StatedState } from "./rules.js";
import { EMPTY, refOf, type Cell, type Row } from "./table.js";
import { currencyOf, readDecimal, readId, readMonth, readTime, type Reading } from "./values.js";

/** The values of a row's cells. */
export interface FieldValues {
  serialNumber: string;
  instanceId: string;
  product: string;
  customer: string;
  orderId: string;
  month: string;
  begin: Micros;
  end: Micros;
  /** Canonical decimal texts; may be negative. */
  quantity: string;
  amount: string;
  currency: string;
  type: string;
  state: StatedState;
  code: string;
  collectedAt: Micros;
}

/** How to read the rows of one file. */
export interface RowReading extends Reading {
  layout: Layout;
  rules: ListRules;
  /** Whether problems name cells (`C2 begin_time`), or only columns. */
  hasCells: boolean;
}

type Read<F extends ImportField> = (cell: Cell, reading: RowReading) => FieldValues[F] | undefined;

const text = (cell: Cell): string => cell.text.trim();

const READERS: { [F in ImportField]: Read<F> } = {
  serialNumber: readId,
  instanceId: readId,
  orderId: readId,
  product: text,
  customer: text,
  type: text,
  month: readMonth,
  begin: readTime,
  end: readTime,
  collectedAt: readTime,
  quantity: readDecimal,
  amount: readDecimal,
  currency: (cell) => currencyOf(cell.text),
  state: (cell, { rules }) => {
    const word = normalWord(cell.text);
    return Object.hasOwn(rules.states, word) ? rules.states[word] : undefined;
  },
  // Spreadsheets remove leading zeros: `005` becomes `5`.
  code: (cell, { rules }) => plainText(cell.text.trim()) && normalCode(cell.text, rules.codes),
};

const ID: Text = { en: "an id with all its digits", zh: "位数完整的编号" };
const DECIMAL: Text = { en: "a decimal such as 12.5", zh: "十进制数，例如 12.5" };
const ANY: Text = { en: "a text", zh: "文本" };
const RIGHT: Record<Exclude<ImportField, "begin" | "end" | "collectedAt">, Text> = {
  serialNumber: { en: "a serial number with all its digits", zh: "位数完整的话单唯一标识" },
  instanceId: { en: "an instance id with all its digits", zh: "位数完整的实例 ID" },
  orderId: ID,
  product: ANY,
  customer: ANY,
  type: ANY,
  month: { en: "a month such as 2026-03", zh: "月份，例如 2026-03" },
  quantity: DECIMAL,
  amount: DECIMAL,
  currency: {
    en: "a currency: name it in the profile (--currency CNY)",
    zh: "币种：请在导入方案中指定（--currency CNY）",
  },
  state: { en: "pending, normal, abnormal or billed", zh: "待处理、正常、异常或已出账" },
  code: { en: "a code such as 005, or nothing", zh: "错误码（例如 005）或留空" },
};

function rightOf(field: ImportField, { zoneMinutes }: Reading): Text {
  if (field !== "begin" && field !== "end" && field !== "collectedAt") return RIGHT[field];
  const [example, name] =
    zoneMinutes === undefined
      ? ["a UTC time such as 20231116T180000Z", "UTC 时间，例如 20231116T180000Z"]
      : ["a time such as 2026-03-01 18:00:00", "时间，例如 2026-03-01 18:00:00"];
  if (field === "begin") return { en: example, zh: name };
  return field === "end"
    ? { en: `${example}, not before begin`, zh: `不早于开始时间的${name}` }
    : { en: `${example}, or nothing`, zh: `${name}，或留空` };
}

/** Reads the fields of one row; every wrong cell becomes a problem. */
export interface RowReader {
  /** The value of a field; undefined if its cell is empty or wrong. */
  take: <F extends ImportField>(field: F) => FieldValues[F] | undefined;
  /** The value of a required field. */
  need: <F extends ImportField>(field: F) => FieldValues[F] | undefined;
  /** Whether a cell exists and is empty. */
  isEmpty: (field: ImportField) => boolean;
  /** Reports that a field is wrong. */
  refuse: (field: ImportField, value?: string) => void;
  problems: ListProblem[];
}

/** Creates the reader of one row. */
export function rowReader(row: Row, reading: RowReading): RowReader {
  const { layout, hasCells } = reading;
  const problems: ListProblem[] = [];
  const cellOf = (field: ImportField): Cell => row.cells[layout.at[field] ?? -1] ?? EMPTY;

  function nameOf(field: ImportField): string {
    const at = layout.at[field];
    if (at === undefined) return field;
    const { header } = layout.headers[at]!;
    return hasCells ? `${refOf(at, row.line)} ${header}` : header;
  }

  function refuse(field: ImportField, value = cellOf(field).text): void {
    const { en, zh } = rightOf(field, reading);
    problems.push(problemAt(row.line, nameOf(field), value, en, zh));
  }

  function read<F extends ImportField>(field: F): FieldValues[F] | undefined {
    const cell = cellOf(field);
    const value = cell.isNone ? undefined : READERS[field](cell, reading);
    if (value === undefined) refuse(field);
    return value;
  }

  return {
    problems,
    refuse,
    need: read,
    take: (field) => (cellOf(field).text.trim() === "" ? undefined : read(field)),
    isEmpty: (field) => cellOf(field).text.trim() === "" && !cellOf(field).isNone,
  };
}

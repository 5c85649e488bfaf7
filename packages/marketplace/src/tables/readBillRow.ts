import type { StatementProblem } from "../statement/line.js";
import { problemAt } from "../statement/rows.js";
import type { BillLine } from "./bill.js";
import { rowOf } from "./body.js";
import { isRefund, refundAmount, type ImportField } from "./fields.js";
import type { Layout } from "./layout.js";
import { cellAt, nameOf } from "./rowCells.js";
import type { Cell } from "./table.js";
import { readDecimal, readId, readMonth, readTime, type Reading } from "./values.js";

/** Reads a row of transaction details or of a bill. @param currencyOtherwise where the file does not name one. */
export function readBillRow(
  row: readonly Cell[],
  layout: Layout,
  reading: Reading,
  currencyOtherwise: string | undefined,
): BillLine | StatementProblem[] {
  const problems: StatementProblem[] = [];
  const take = <T>(
    field: ImportField,
    read: (cell: Cell, reading: Reading) => T | undefined,
    en: string,
    zh: string,
  ): T | undefined => {
    const cell = cellAt(row, layout, field);
    if (!cell || cell.text.trim() === "") return undefined;
    const value = read(cell, reading);
    if (value === undefined)
      problems.push(problemAt(rowOf(row), nameOf(row, layout, field), cell.text, en, zh));
    return value;
  };
  const text = (field: ImportField) => take(field, ({ text: raw }) => raw.trim(), "a text", "文本");
  const id = (field: ImportField) => take(field, readId, "an id with all its digits", "位数完整的编号");
  const decimal = (field: ImportField) =>
    take(field, readDecimal, "a decimal such as 1234.5", "十进制数，例如 1234.5");
  const time = (field: ImportField) =>
    take(field, readTime, "a time such as 2026-03-01 18:00:00", "时间，例如 2026-03-01 18:00:00");

  const amount = decimal("amount");
  if (amount === undefined && problems.length === 0) {
    problems.push(
      problemAt(
        rowOf(row),
        nameOf(row, layout, "amount"),
        "",
        "a decimal such as 1234.5",
        "十进制数，例如 1234.5",
      ),
    );
  }
  const currency = currencyOf(text("currency") ?? currencyOtherwise ?? headerCurrency(layout));
  if (currency === undefined) {
    problems.push(
      problemAt(
        rowOf(row),
        "currency",
        "",
        "a currency: name it in the profile (--currency CNY)",
        "币种：请在导入方案中指定（--currency CNY）",
      ),
    );
  }
  const read = {
    month: take("month", readMonth, "a month such as 2026-03", "月份，例如 2026-03"),
    serialNumber: id("serialNumber"),
    instanceId: id("instanceId"),
    product: text("product"),
    customer: text("customer"),
    orderId: id("orderId"),
    begin: time("begin"),
    end: time("end"),
    quantity: decimal("quantity"),
  };
  const type = text("type") ?? "";
  if (problems.length > 0) return problems;
  const refund = amount!.startsWith("-") || isRefund(type);
  return {
    line: rowOf(row),
    ...defined(read),
    amount: refundAmount(amount!, refund),
    currency: currency!,
    refund,
  };
}

const CURRENCIES: Readonly<Record<string, string>> = {
  元: "CNY",
  人民币: "CNY",
  rmb: "CNY",
  "¥": "CNY",
  美元: "USD",
  $: "USD",
};

function currencyOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const word = text.trim();
  return /^[A-Za-z]{3}$/.test(word) && word.toLowerCase() !== "rmb"
    ? word.toUpperCase()
    : CURRENCIES[word.toLowerCase()];
}

/** `金额(元)` names its currency. */
function headerCurrency({ headers, at }: Layout): string | undefined {
  const header = at.amount === undefined ? "" : headers[at.amount]!.header;
  return /[(（]([^)）]*)[)）]\s*$/.exec(header)?.[1];
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function defined<T extends object>(values: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<
    Defined<T>
  >;
}

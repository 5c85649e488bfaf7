import type { Micros } from "@quarterpast/domain";
import { rowReader, type RowReading } from "./fields.js";
import type { Layout } from "./layout.js";
import type { ListProblem } from "./problem.js";
import type { StatedState } from "./rules.js";
import type { Row } from "./table.js";
import { currencyOf, isRefund, refundAmount } from "./values.js";

/** One record as the marketplace states it. */
export interface StatementLine {
  /** Empty if the record was sent without one (the old push): then instance, begin and end identify it. */
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

/** One line of transaction details or of a monthly bill. */
export interface BillLine {
  /** Row of the file. */
  line: number;
  /** Month of its bill, `YYYY-MM`; absent if the file does not say. */
  month?: string;
  serialNumber?: string;
  instanceId?: string;
  product?: string;
  customer?: string;
  orderId?: string;
  begin?: Micros;
  end?: Micros;
  quantity?: string;
  /** Decimal text; negative if money was given back. */
  amount: string;
  currency: string;
  refund: boolean;
}

/** Reads a row of a list of bill records, or returns everything that is wrong with it. */
export function readStatementLine(row: Row, reading: RowReading): StatementLine | ListProblem[] {
  const { need, take, isEmpty, refuse, problems } = rowReader(row, reading);
  const [begin, end, quantity] = [need("begin"), need("end"), need("quantity")];
  if (begin !== undefined && end !== undefined && end < begin) refuse("end");
  if (quantity?.startsWith("-")) refuse("quantity");
  const read = {
    serialNumber: isEmpty("serialNumber") ? "" : need("serialNumber"),
    instanceId: need("instanceId"),
    ...{ begin, end, quantity, state: need("state") },
    ...defined({ code: take("code"), collectedAt: take("collectedAt") }),
  };
  return problems.length > 0 ? problems : (read as StatementLine);
}

/** Reads a row of transaction details or of a bill. @param currencyOtherwise for a file that does not name one */
export function readBillLine(
  row: Row,
  reading: RowReading,
  currencyOtherwise: string | undefined,
): BillLine | ListProblem[] {
  const { need, take, refuse, problems } = rowReader(row, reading);
  const amount = need("amount");
  const inCell = take("currency");
  const otherwise = currencyOtherwise ?? headerCurrency(reading.layout);
  const currency = inCell ?? (otherwise === undefined ? undefined : currencyOf(otherwise));
  if (currency === undefined && problems.length === 0) refuse("currency", otherwise ?? "");
  const read = {
    month: take("month"),
    serialNumber: take("serialNumber"),
    instanceId: take("instanceId"),
    product: take("product"),
    customer: take("customer"),
    orderId: take("orderId"),
    begin: take("begin"),
    end: take("end"),
    quantity: take("quantity"),
  };
  const type = take("type") ?? "";
  if (problems.length > 0 || amount === undefined || currency === undefined) return problems;
  const refund = amount.startsWith("-") || isRefund(type);
  return { line: row.line, ...defined(read), amount: refundAmount(amount, refund), currency, refund };
}

/** `金额(元)` names its currency. */
function headerCurrency({ headers, at }: Layout): string | undefined {
  const header = at.amount === undefined ? "" : headers[at.amount]!.header;
  return /[(（]([^()（）]*)[)）]\s*$/.exec(header)?.[1];
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function defined<T extends object>(values: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<
    Defined<T>
  >;
}

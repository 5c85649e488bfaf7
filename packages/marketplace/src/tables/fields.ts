import { HEADERS, normalHeader, type Column } from "../statement/columns.js";

/** What an exported file lists: bill records, or the money that was charged for them. */
export const IMPORT_KINDS = ["sdr", "bill"] as const;
export type ImportKind = (typeof IMPORT_KINDS)[number];

/** Columns of transaction details and monthly bills. */
export const BILL_FIELDS = [
  "month",
  "serialNumber",
  "instanceId",
  "product",
  "customer",
  "orderId",
  "begin",
  "end",
  "quantity",
  "amount",
  "currency",
  "type",
] as const;
export type BillField = (typeof BILL_FIELDS)[number];
export type ImportField = Column | BillField;

/**
 * Headers of transaction details and monthly bills. Their column list is not documented (koogallery.md 11.6): names in
 * use, English and Chinese; a profile names any others.
 */
const BILL_HEADERS: Readonly<Record<BillField, readonly string[]>> = {
  month: ["month", "billingmonth", "billingperiod", "billcycle", "账期", "账单月份", "月份", "结算月份"],
  serialNumber: HEADERS.serialNumber,
  instanceId: [...HEADERS.instanceId, "resourceid", "资源id", "资源编号"],
  product: [
    "product",
    "productid",
    "productname",
    "商品",
    "商品id",
    "产品id",
    "商品名称",
    "产品名称",
    "规格id",
  ],
  customer: [
    "customer",
    "customeraccount",
    "customername",
    "customerid",
    "客户账号",
    "客户名称",
    "客户",
    "买家账号",
  ],
  orderId: ["order", "orderid", "orderno", "ordernumber", "订单号", "订单编号", "订单id", "交易流水号"],
  begin: [...HEADERS.begin, "transactiontime", "consumptiontime", "交易时间", "消费时间", "消费开始时间"],
  end: [...HEADERS.end, "消费结束时间"],
  quantity: HEADERS.quantity,
  amount: [
    "amount",
    "payable",
    "totalamount",
    "settlementamount",
    "金额",
    "应付金额",
    "实付金额",
    "交易金额",
    "结算金额",
    "消费金额",
  ],
  currency: ["currency", "币种", "货币"],
  type: ["type", "transactiontype", "billtype", "交易类型", "账单类型", "订单类型"],
};

const HEADERS_OF: Record<ImportKind, Readonly<Partial<Record<ImportField, readonly string[]>>>> = {
  sdr: HEADERS,
  bill: BILL_HEADERS,
};

/** Fields that a kind of file can have. */
export function fieldsOf(kind: ImportKind): ImportField[] {
  return Object.keys(HEADERS_OF[kind]) as ImportField[];
}

/** A header without what stands in brackets behind it: `金额(元)` is `金额`. */
export function plainHeader(header: string): string {
  return normalHeader(header.replace(/[(（][^)）]*[)）]\s*$/, ""));
}

/** The field that a header names by itself. */
export function fieldOf(kind: ImportKind, header: string): ImportField | undefined {
  const name = plainHeader(header);
  return fieldsOf(kind).find((field) => HEADERS_OF[kind][field]!.includes(name));
}

/** The headers that a field is known by. */
export function headersOf(kind: ImportKind, field: ImportField): readonly string[] {
  return HEADERS_OF[kind][field] ?? [];
}

/** Whether the fields that were found are enough to read a file by; else what is missing. */
export function missingFields(kind: ImportKind, found: ReadonlySet<ImportField>): ImportField[] {
  if (kind === "sdr") {
    const wanted: ImportField[] = ["serialNumber", "instanceId", "begin", "end", "quantity", "state"];
    return wanted.filter((field) => !found.has(field));
  }
  const keys: ImportField[] = ["serialNumber", "instanceId", "product"];
  return [
    ...(found.has("amount") ? [] : (["amount"] as const)),
    ...(keys.some((key) => found.has(key)) ? [] : (["instanceId"] as const)),
  ];
}

const REFUND = /退|refund|冲正|reversal/i;

/** Whether a transaction's type says that money went back. */
export const isRefund = (type: string): boolean => REFUND.test(type);

/** Money that went back is negative, however the file writes it. */
export const refundAmount = (amount: string, refund: boolean): string =>
  refund && !amount.startsWith("-") && amount !== "0" ? `-${amount}` : amount;

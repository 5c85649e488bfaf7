import type { StatedState } from "./line.js";

/** Columns of a statement. */
export type Column =
  "serialNumber" | "instanceId" | "begin" | "end" | "quantity" | "state" | "code" | "collectedAt";

/**
 * Headers by which a column is known, after {@link normalHeader}; the first is the one of the interface. The column
 * list of the console's export is not documented (koogallery.md 11.6): names in use, English and Chinese.
 */
export const HEADERS: Readonly<Record<Column, readonly string[]>> = {
  serialNumber: [
    "meteringsn",
    "serialnumber",
    "sdrid",
    "sdruniqueid",
    "话单唯一标识",
    "话单唯一id",
    "话单id",
    "话单编号",
    "话单号",
  ],
  instanceId: ["instanceid", "instance", "实例id", "实例编号", "实例"],
  begin: ["begintime", "begin", "starttime", "计量开始时间", "开始时间", "起始时间"],
  end: ["endtime", "end", "计量结束时间", "结束时间"],
  quantity: ["usagevalue", "usage", "quantity", "使用量", "用量"],
  state: ["state", "status", "sdrstatus", "话单状态", "状态"],
  code: ["errorcode", "code", "错误码", "异常码", "异常编码"],
  collectedAt: ["collectedat", "collected", "collectiontime", "采集时间", "归集时间", "出账时间"],
};

/** Columns that every statement must have. */
export const MANDATORY: readonly Column[] = [
  "serialNumber",
  "instanceId",
  "begin",
  "end",
  "quantity",
  "state",
];

/** Words for the states, after {@link normalHeader}. */
export const STATES: Readonly<Record<string, StatedState>> = {
  pending: "pending",
  processing: "pending",
  待处理: "pending",
  处理中: "pending",
  待校验: "pending",
  normal: "normal",
  valid: "normal",
  正常: "normal",
  abnormal: "abnormal",
  异常: "abnormal",
  billed: "billed",
  collected: "billed",
  已出账: "billed",
  已归集: "billed",
  已采集: "billed",
};

/** A header or a word for comparison: lower case, without blanks, underscores, hyphens, stars, byte order mark. */
export function normalHeader(text: string): string {
  return text.toLowerCase().replace(/[\s_*\-\ufeff]/g, "");
}

/** The column that a header names. */
export function columnOf(header: string): Column | undefined {
  const name = normalHeader(header);
  return (Object.keys(HEADERS) as Column[]).find((column) => HEADERS[column].includes(name));
}

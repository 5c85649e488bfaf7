/** A refusal of a whole call: code of specification 1.5, HTTP status, its message, and what exactly was wrong. */
export type Refusal = { http: number; code: string; message: string; detail: string };

const TABLE = {
  "MKT.0100": [500, "Failure of input parameter"],
  "MKT.0101": [400, "Invalid parameter"],
  "MKT.0102": [400, "Invalid body sign"],
  "MKT.0150": [401, "Illegal operation"],
  "MKT.0154": [401, "Illegal token"],
  "MKT.0199": [400, "Request parameter error"],
  "MKT.0250": [406, "Access frequency overlimit"],
  "MKT.0999": [500, "System internal error."],
  "MKT.9001": [500, "Instance ID not found."],
  "MKT.9002": [500, "Invalid usage enties."],
  "MKT.9003": [500, "Usage records extends size limit."],
  "MKT.9004": [500, "Record beginTime extends Limit."],
} as const;

export type RefusalCode = keyof typeof TABLE;

/** The refusal with a code, using the status and message of table 1.5. */
export function refusal(code: RefusalCode, detail: string): Refusal {
  const [http, message] = TABLE[code];
  return { http, code, message, detail };
}

/** Codes whose reply may carry `extra_info` (specification 1.5). */
export const WITH_EXTRA_INFO: ReadonlySet<string> = new Set([
  "MKT.0100",
  "MKT.0150",
  "MKT.0250",
  "MKT.9001",
  "MKT.9002",
  "MKT.9004",
]);

/** Codes of a single record (specification 1.5, last part; the list has no 008), in English and Chinese. */
export const SDR_CODES = {
  "001": ["instance does not exist", "实例不存在"],
  "002": ["time format abnormal", "时间格式异常"],
  "003": ["usage abnormal", "使用量异常"],
  "004": ["SDR unique ID missing", "话单唯一标识缺失"],
  "005": ["SDR unique ID duplicated", "话单唯一标识重复"],
  "006": ["product of the instance delisted", "实例对应的商品已退市"],
  "007": ["SDR time expired", "话单时间已过期"],
  "009": ["instance does not belong to this seller", "实例不属于该商家"],
  "010": ["duplicate SDR", "重复话单"],
  "011": ["SDR time range invalid", "话单时间范围不合法"],
  "012": ["not a pay-per-use instance", "非按需实例"],
  "013": ["resource state of the instance abnormal", "实例资源状态异常"],
} as const satisfies Record<string, readonly [string, string]>;

export type SdrCode = keyof typeof SDR_CODES;

/** The text of a record's code; returns a code outside the list unchanged. */
export function sdrMessage(code: string, lang: "en" | "zh"): string {
  const entry = (SDR_CODES as Record<string, readonly [string, string]>)[code];
  return entry ? entry[lang === "en" ? 0 : 1] : code;
}

import type { Text } from "./text.js";

interface ErrorKind {
  /** HTTP status if the error answers a whole request. */
  status: number;
  /** Whether the same input can succeed later, unchanged. */
  retryable: boolean;
  title: Text;
}

const kind = (status: number, retryable: boolean, en: string, zh: string): ErrorKind => ({
  status,
  retryable,
  title: { en, zh },
});

/** Every error the product answers with: a closed set with stable codes (SPEC E1). */
export const ERRORS = {
  // a whole request
  bad_request: kind(400, false, "The request cannot be read", "无法解析该请求"),
  unauthorized: kind(401, false, "The API key is missing, wrong or revoked", "API 密钥缺失、错误或已吊销"),
  forbidden: kind(403, false, "This API key may not do that", "该 API 密钥无权执行此操作"),
  not_found: kind(404, false, "Not found", "未找到"),
  method_not_allowed: kind(405, false, "This address does not support that method", "该地址不支持此方法"),
  request_timeout: kind(408, true, "The request took too long to arrive", "请求接收超时"),
  headers_too_large: kind(431, false, "The headers are larger than allowed", "请求头超出大小限制"),
  body_too_large: kind(413, false, "The body is larger than allowed", "请求体超出大小限制"),
  unsupported_media_type: kind(415, false, "This content type is not accepted", "不支持该内容类型"),
  malformed_json: kind(400, false, "The body is not strict JSON", "请求体不是严格的 JSON"),
  duplicate_key: kind(400, false, "A JSON object has the same key twice", "JSON 对象中有重复的键"),
  too_many_events: kind(400, false, "More events than one request may carry", "单次请求的事件数超限"),
  empty_batch: kind(400, false, "The request carries no event", "请求中没有事件"),
  events_rejected: kind(422, false, "Events are refused; none was accepted", "事件被拒绝，未接收任何事件"),
  events_ahead: kind(
    503,
    true,
    "The times of the events lie ahead of our clock; send them again later",
    "事件时间超前于我方时钟，请稍后原样重发",
  ),
  overloaded: kind(429, true, "Too many requests at once", "请求过于频繁"),
  unavailable: kind(503, true, "Not available at the moment; try again", "暂时不可用，请稍后重试"),
  internal: kind(500, true, "An error on our side; it is in the log", "内部错误，详见日志"),
  // one event
  source_forbidden: kind(
    403,
    false,
    "This API key does not send events of that source",
    "该 API 密钥无权发送此来源的事件",
  ),
  field_missing: kind(400, false, "A field is missing", "缺少字段"),
  field_invalid: kind(400, false, "A field has a wrong value", "字段值无效"),
  quantity_invalid: kind(
    400,
    false,
    "The quantity is not a decimal that can be kept exactly",
    "用量不是可精确保存的十进制数",
  ),
  time_too_old: kind(400, false, "The event is too old to be accepted", "事件时间早于可接受的范围"),
  time_in_future: kind(400, true, "The event's time is in the future", "事件时间在未来"),
  id_too_old: kind(
    400,
    false,
    "The id was made longer ago than identities are kept",
    "事件 id 的生成时间早于标识的保留期",
  ),
  id_in_future: kind(400, true, "The id was made in the future", "事件 id 的生成时间在未来"),
  // settings and acts
  already_exists: kind(409, false, "It already exists with other values", "已存在且内容不同"),
  lives_overlap: kind(409, false, "The lives of two instances would overlap", "两个实例的生命周期重叠"),
  state_forbids: kind(409, false, "Its state does not allow that", "当前状态不允许此操作"),
  unknown_meter: kind(422, false, "There is no such meter", "计量项不存在"),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

const BY_STATUS: Record<number, ErrorCode> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  405: "method_not_allowed",
  408: "request_timeout",
  413: "body_too_large",
  415: "unsupported_media_type",
  429: "overloaded",
  431: "headers_too_large",
  503: "unavailable",
};

/**
 * The code for a refusal of which only the HTTP status is known: the status's own code, else `bad_request` below 500
 * and `internal` from 500 on.
 */
export function errorOfStatus(status: number): ErrorCode {
  return BY_STATUS[status] ?? (status >= 400 && status < 500 ? "bad_request" : "internal");
}

/** An expected failure: its code, and a detail that names the field, the value and what would be right. */
export interface Problem {
  code: ErrorCode;
  detail: string;
  field?: string;
}

/** Carries a {@link Problem} through code that cannot return it. */
export class RuleError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
    this.name = "RuleError";
    this.problem = problem;
  }
}

/** Why an acknowledged event waits in quarantine; a closed set. An event is never dropped (SPEC 3). */
export const QUARANTINE_REASONS = {
  unknown_meter: { en: "no such meter", zh: "计量项不存在" },
  unknown_account: { en: "no seller account has the code that it names", zh: "没有该代码的商家账户" },
  ambiguous_account: {
    en: "several accounts have an instance of this subject and meter, and it names none",
    zh: "多个账户都有对应主体和计量项的实例，而事件未指明账户",
  },
  unknown_instance: {
    en: "no instance of this subject and meter existed then",
    zh: "该时间没有对应主体和计量项的实例",
  },
  instance_closed: { en: "the instance was closed by then", zh: "该时间实例已关闭" },
  instance_suspended: { en: "the instance was suspended then", zh: "该时间实例已暂停" },
  quantity_missing: { en: "this meter needs data.quantity", zh: "该计量项需要 data.quantity" },
  value_missing: { en: "this meter needs data.value", zh: "该计量项需要 data.value" },
  scale_exceeded: {
    en: "the quantity has more decimals than the meter's scale",
    zh: "用量小数位超过计量项精度",
  },
  correction_waits: { en: "the event it corrects is not counted yet", zh: "被更正的事件尚未计入" },
  correction_mismatch: {
    en: "the event it corrects is of another subject, meter or account",
    zh: "被更正的事件属于其他主体、计量项或账户",
  },
  correction_impossible: {
    en: "this meter cannot be corrected this way: sum can be amended and cancelled, count only cancelled, max and unique neither",
    zh: "该计量项不支持此更正：sum 可修改和撤销，count 只能撤销，max 和 unique 均不支持",
  },
  corrected_already: {
    en: "the event has been corrected already: correct the event that corrected it",
    zh: "该事件已被更正过：请更正其更正事件",
  },
  cannot_be_stored: { en: "the database refuses this event", zh: "数据库无法保存该事件" },
} as const satisfies Record<string, Text>;

export type QuarantineReason = keyof typeof QUARANTINE_REASONS;

/** The reasons that the right binding, or the right account, may end. */
export const BINDING_REASONS = [
  "unknown_meter",
  "unknown_account",
  "ambiguous_account",
  "unknown_instance",
  "instance_closed",
  "instance_suspended",
] as const satisfies readonly QuarantineReason[];

/** The reasons that a word of the right account may end. */
export const ACCOUNT_REASONS = [
  "ambiguous_account",
  "unknown_account",
] as const satisfies readonly QuarantineReason[];

import { normalCode } from "../table/rules.js";
import { RECORD_CODE_FORM } from "./lists.js";
import type { KeyState, Outcome, Text } from "@quarterpast/domain";
import type { RecordException, RefusedOutcome } from "../client.js";

/** What a code of a whole call means for that call. */
export type Decision =
  | { kind: "accepted" | "split" | "halt" | "retry" | "unknown" }
  /** Refused for single records: the reply names them, each with a code of its own. */
  | { kind: "by_record" }
  | { kind: "refused"; outcome: RefusedOutcome };

export interface CodeRule {
  decision: Decision;
  /** What the code says about the key: to judge the content, the marketplace must have accepted the signature. */
  key: KeyState;
  meaning: Text;
}

const rule = (decision: Decision, key: KeyState, en: string, zh: string): CodeRule => ({
  decision,
  key,
  meaning: { en, zh },
});
const refused = (outcome: RefusedOutcome): Decision => ({ kind: "refused", outcome });

/**
 * Codes of a whole call (koogallery.md 1.5). A failing code refuses all its records; the HTTP status says nothing.
 */
export const CALL_CODES: Readonly<Record<string, CodeRule>> = {
  "MKT.0000": rule({ kind: "accepted" }, "right", "accepted, not yet validated", "已接收，尚未校验"),
  // Does not say whether the records were kept, so the same bytes are sent again.
  "MKT.0999": rule({ kind: "unknown" }, "unknown", "internal error of the marketplace", "云商店内部错误"),
  "MKT.0100": rule(refused("rejected_fixable"), "right", "a parameter's value is refused", "参数值不合法"),
  "MKT.0101": rule(
    refused("rejected_fixable"),
    "right",
    "a parameter is missing, unknown or no number",
    "参数缺失、未定义或非数字",
  ),
  "MKT.0102": rule(
    { kind: "halt" },
    "wrong",
    "the signature is refused: key or clock",
    "签名校验失败：检查密钥或时钟",
  ),
  "MKT.0199": rule({ kind: "halt" }, "unknown", "a mandatory header is missing", "缺少必选请求头"),
  "MKT.0150": rule(
    refused("rejected_final"),
    "right",
    "the instance's product is not published by this seller",
    "实例对应的商品不是该商家发布",
  ),
  "MKT.0151": rule({ kind: "halt" }, "unknown", "no right to use this interface", "无接口访问权限"),
  "MKT.0154": rule({ kind: "halt" }, "wrong", "authentication failed", "鉴权失败"),
  "MKT.0250": rule({ kind: "retry" }, "unknown", "asked too often", "访问频率超限"),
  "MKT.9001": rule(refused("rejected_fixable"), "right", "instance not found", "实例不存在"),
  "MKT.9002": rule(refused("rejected_fixable"), "right", "a usage record is invalid", "话单内容不合法"),
  "MKT.9003": rule({ kind: "split" }, "right", "too many records in one call", "单次话单条数超限"),
  "MKT.9004": rule(
    refused("rejected_final"),
    "right",
    "begin is more than 21 days ago",
    "计量开始时间早于 21 天前",
  ),
  "MKT.9005": rule(
    refused("rejected_fixable"),
    "right",
    "refused for a reason not documented",
    "被拒绝，原因未公开",
  ),
  // The newer table (koogallery-license-joint.md 9).
  "94060999": rule(
    { kind: "by_record" },
    "right",
    "refused: the reply names the records that are wrong",
    "上报失败：响应中列出有误的话单",
  ),
  "94060010": rule({ kind: "halt" }, "unknown", "the seller's state is invalid", "商家状态异常"),
};

export interface RecordCodeRule {
  outcome: RecordException["outcome"];
  meaning: Text;
}

const sdr = (outcome: RecordCodeRule["outcome"], en: string, zh: string): RecordCodeRule => ({
  outcome,
  meaning: { en, zh },
});

/** Codes of one record (koogallery.md 1.5, last part; the list has no 008). */
export const RECORD_CODES: Readonly<Record<string, RecordCodeRule>> = {
  "001": sdr("rejected_fixable", "the instance does not exist", "实例不存在"),
  "002": sdr("rejected_fixable", "a time has a wrong format", "时间格式异常"),
  "003": sdr("rejected_fixable", "the usage is abnormal", "使用量异常"),
  "004": sdr("rejected_fixable", "the serial number is missing", "话单唯一标识缺失"),
  "005": sdr("duplicate", "the serial number is there already", "话单唯一标识重复"),
  "006": sdr("rejected_final", "the instance's product is delisted", "实例对应的商品已退市"),
  "007": sdr("rejected_final", "the record is too old", "话单时间已过期"),
  "009": sdr("rejected_final", "the instance is not this seller's", "实例不属于该商家"),
  "010": sdr("duplicate", "a record of this interval is there already", "重复话单"),
  "011": sdr("rejected_fixable", "the interval is invalid", "话单时间范围不合法"),
  "012": sdr("rejected_final", "the instance is not a pay-per-use instance", "非按需实例"),
  "013": sdr("rejected_fixable", "the instance is frozen or closed", "实例资源状态异常"),
};

/** Record codes that say "already there". */
export const DUPLICATE_CODES: readonly string[] = codesOf("duplicate");

/** Codes that say "older than 21 days". */
export const EXPIRED_CODES: readonly string[] = ["MKT.9004", "007"];

function codesOf(outcome: Outcome): string[] {
  return Object.keys(RECORD_CODES).filter((code) => RECORD_CODES[code]!.outcome === outcome);
}

/** Normalizes a call's code to its form in the table: the prefix CBC and blanks occur too (koogallery.md 1.5). */
export function normalCallCode(raw: string): string {
  const match = /^\s*(?:MKT|CBC)\s*\.\s*(\d{4})\s*$/i.exec(raw);
  return match ? `MKT.${match[1]}` : raw.trim();
}

/** Normalizes a record's code (`5`, `"005"`, `MKT.005`) to three digits; returns others unchanged. */
export function normalRecordCode(raw: string | number): string {
  return normalCode(String(raw), RECORD_CODE_FORM);
}

/** A code of the API gateway, for a person; its meaning for a call depends on the status. */
export const GATEWAY_MEANING: Text = { en: "an answer of the API gateway", zh: "API 网关的响应" };

const GATEWAY = /^\s*APIGW?\s*\.\s*\d+\s*$/i;

/** Whether a code is the API gateway's. */
export function isGatewayCode(code: string): boolean {
  return GATEWAY.test(code);
}

/**
 * What a whole call's code means. A code of the API gateway says that the gateway itself answered; the status then
 * shows whether the call was let through (koogallery.md 1.5). Any unknown code may hide an acceptance.
 */
export function ruleOfCallCode(code: string, httpStatus: number): CodeRule {
  const known = Object.hasOwn(CALL_CODES, code) ? CALL_CODES[code] : undefined;
  if (known) return known;
  if (!isGatewayCode(code)) return rule({ kind: "unknown" }, "unknown", "not a known code", "未知结果码");
  if (httpStatus === 429) return rule({ kind: "retry" }, "unknown", "the gateway throttles", "网关限流");
  if ([401, 403, 404].includes(httpStatus)) {
    return rule({ kind: "halt" }, "unknown", "the gateway refuses this call", "网关拒绝该调用");
  }
  return rule({ kind: "unknown" }, "unknown", "an error of the gateway", "网关错误");
}

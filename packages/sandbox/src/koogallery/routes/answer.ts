import { WITH_EXTRA_INFO, type Refusal } from "../rules/codes.js";
import type { Listed } from "../faults/records.js";

/** An HTTP answer. */
export type Answer = { http: number; type: string; body: string; headers: Record<string, string> };

const JSON_TYPE = "application/json;charset=UTF-8";
const HTML_TYPE = "text/html;charset=UTF-8";

/** A JSON answer with the marketplace's two fields and any others. */
export function jsonAnswer(http: number, code: string, message: string, extra: object = {}): Answer {
  const body = JSON.stringify({ error_code: code, error_msg: message, ...extra });
  return { http, type: JSON_TYPE, body, headers: {} };
}

/** "Accepted", which does not mean valid yet; the list of abnormal records only if there is one. */
export function acceptedAnswer(listed: Listed[]): Answer {
  const extra = listed.length > 0 ? { AbnormalUsageDataInfo: { abnormal_usage_data: listed } } : {};
  return jsonAnswer(200, "MKT.0000", "success", extra);
}

/** The refusal of a whole call; `extra_info` only with the codes that may carry it (specification 1.5). */
export function refusalAnswer({ http, code, message, detail }: Refusal): Answer {
  return jsonAnswer(http, code, message, WITH_EXTRA_INFO.has(code) ? { extra_info: detail } : {});
}

/** A page as sent by a gateway between us and the marketplace. */
export function htmlAnswer(http: number, title: string): Answer {
  const body = `<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`;
  return { http, type: HTML_TYPE, body, headers: {} };
}

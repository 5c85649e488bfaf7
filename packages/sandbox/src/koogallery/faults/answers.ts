import { STATUS_CODES } from "node:http";
import { refusal } from "../rules/codes.js";
import { htmlAnswer, jsonAnswer, refusalAnswer, type Answer } from "../routes/answer.js";
import type { Fault } from "./schema.js";

/** The answer of a fault that keeps the call from the marketplace entirely, or null. */
export function earlyAnswer(rule: Fault): Answer | null {
  switch (rule.mode) {
    case "error5xx":
      return page(rule.status ?? 503);
    case "throttled":
      return throttled(rule);
    case "redirect":
      return redirect(rule);
    case "garbage":
    case "unknown_code":
      return rule.accepted ? null : nonsense(rule);
    default:
      return null;
  }
}

/** What the caller gets instead of "accepted"; the call was taken. */
export function lateAnswer(rule: Fault): Answer | null {
  if (rule.mode === "accept_then_5xx") return page(rule.status ?? 502);
  return rule.mode === "garbage" || rule.mode === "unknown_code" ? nonsense(rule) : null;
}

function page(status: number): Answer {
  return htmlAnswer(status, `${status} ${STATUS_CODES[status] ?? "Error"}`);
}

function throttled(rule: Fault): Answer {
  const answer =
    rule.style === "market"
      ? refusalAnswer(refusal("MKT.0250", "too many calls"))
      : jsonAnswer(429, "APIGW.0308", "The throttling threshold has been reached");
  return { ...answer, headers: { "retry-after": String(rule.retryAfter) } };
}

function redirect(rule: Fault): Answer {
  const answer = page(rule.status ?? 307);
  return { ...answer, headers: { location: rule.location ?? "/moved" } };
}

function nonsense(rule: Fault): Answer {
  if (rule.mode === "unknown_code" || rule.style === "unknown_code") {
    return jsonAnswer(rule.status ?? 200, rule.code ?? "MKT.7777", "nobody knows");
  }
  const plain = jsonAnswer(200, "MKT.0000", "success");
  if (rule.style === "invalid_json") return { ...plain, body: plain.body.slice(0, -5) };
  return rule.style === "empty" ? { ...plain, body: "" } : htmlAnswer(200, "Welcome");
}

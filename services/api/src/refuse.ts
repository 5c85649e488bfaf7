import { ERRORS, type ErrorCode, type Text } from "@quarterpast/domain";
import { ProblemError, type Problem } from "@quarterpast/runtime";
import { sqlState } from "@quarterpast/store";

/** The problem for a code of the closed set; its messages are in English, and in Chinese under `zh`. */
export function problemOf(code: ErrorCode, detail?: Text, extra: Record<string, unknown> = {}): Problem {
  const { status, title } = ERRORS[code];
  return {
    status,
    code,
    title: title.en,
    ...(detail && { detail: detail.en }),
    zh: { title: title.zh, ...(detail && { detail: detail.zh }) },
    ...extra,
  };
}

/** An error that the server answers with the problem of this code. */
export function refusal(code: ErrorCode, detail: Text, extra?: Record<string, unknown>): ProblemError {
  return new ProblemError(problemOf(code, detail, extra));
}

const CODE_OF_STATUS: Record<number, ErrorCode> = {
  400: "malformed_json",
  413: "body_too_large",
  415: "unsupported_media_type",
};

/** Problems for errors from below: the HTTP server's refusals, and an unreachable database. */
export function mapError(error: unknown): Problem | undefined {
  if (error instanceof ProblemError) return undefined;
  if (isDatabaseAway(error)) {
    const detail = { en: "Postgres does not answer; try again", zh: "Postgres 没有应答，请重试" };
    return { ...problemOf("unavailable", detail), retryAfterSeconds: 1 };
  }
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  const code = CODE_OF_STATUS[statusCode ?? 0];
  return (
    code && problemOf(code, { en: message ?? ERRORS[code].title.en, zh: message ?? ERRORS[code].title.zh })
  );
}

function isDatabaseAway(error: unknown): boolean {
  const state = sqlState(error);
  // 40P01: rolled back because of deadlocks, repeatedly.
  if (state !== undefined) return /^(57P|08|53|40P01)/.test(state);
  const { code = "", message = "" } = error as { code?: string; message?: string };
  return (
    /^E(CONN|HOST|NET|PIPE|TIMEDOUT|AI_)/.test(code) ||
    /connection terminated|timeout exceeded when/i.test(message)
  );
}

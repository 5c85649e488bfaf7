import { ERRORS, errorOfStatus, type ErrorCode } from "@quarterpast/domain/errors";
import type { FastifyReply } from "fastify";

/** A refusal in the form of RFC 9457. Its code is one of the closed set (SPEC E1): clients branch on it. */
export interface Problem {
  status: number;
  code: ErrorCode;
  title: string;
  detail?: string;
  /** Sent as the header `Retry-After`, in whole seconds. */
  retryAfterSeconds?: number;
  [extra: string]: unknown;
}

/** A problem to throw: the server answers with it. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title);
    this.name = "ProblemError";
    this.problem = problem;
  }
}

/** The body of a problem, `application/problem+json`. */
export function problemBody(problem: Problem): Record<string, unknown> {
  const { status, code, title, detail, retryAfterSeconds: _header, ...extra } = problem;
  return { type: `urn:quarterpast:problem:${code}`, title, status, code, detail, ...extra };
}

/** The headers and the text of a problem's answer. */
export function problemAnswer(what: Problem): { headers: Record<string, string>; text: string } {
  const { retryAfterSeconds: seconds } = what;
  return {
    headers: {
      "content-type": "application/problem+json; charset=utf-8",
      ...(seconds !== undefined && { "retry-after": String(Math.max(1, Math.ceil(seconds))) }),
    },
    text: JSON.stringify(problemBody(what)),
  };
}

/** Answers with a problem. */
export function problem(reply: FastifyReply, what: Problem): FastifyReply {
  const { headers, text } = problemAnswer(what);
  return reply.code(what.status).headers(headers).send(text);
}

/** The problem for an HTTP status. @param detail what exactly is wrong; left out of our own errors */
export function problemOfStatus(status: number, detail?: string): Problem {
  const code = errorOfStatus(status);
  const { title, status: answered } = ERRORS[code];
  return {
    status: code === "bad_request" ? status : answered,
    code,
    title: title.en,
    ...(code !== "internal" && { detail }),
    zh: { title: title.zh },
  };
}

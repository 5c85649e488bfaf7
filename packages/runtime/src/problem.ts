import type { FastifyReply } from "fastify";

/** A refusal as RFC 9457 tells it. `code` is stable; clients decide by it. */
export interface Problem {
  status: number;
  code: string;
  title: string;
  detail?: string;
  /** Sent as the header `Retry-After`, in whole seconds. */
  retryAfterSeconds?: number;
  [extra: string]: unknown;
}

/** A problem that is thrown: the server answers with it. */
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

/** The headers and the text that a problem is answered with. */
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

const BY_STATUS: Record<number, [code: string, title: string]> = {
  400: ["bad_request", "The request cannot be read"],
  401: ["unauthorized", "A valid key is needed"],
  403: ["forbidden", "The key does not allow this"],
  404: ["not_found", "There is nothing here"],
  405: ["method_not_allowed", "The method is not allowed here"],
  408: ["request_timeout", "The request took too long to arrive"],
  413: ["body_too_large", "The body is too large"],
  415: ["unsupported_media_type", "The content type is not taken here"],
  422: ["invalid_request", "The request breaks a rule"],
  429: ["too_many_requests", "Too many requests"],
  431: ["headers_too_large", "The headers are too large"],
  503: ["unavailable", "Not available now; try again"],
};

/** The problem for an HTTP status alone; a status without an entry of its own is told as internal or bad request. */
export function problemOfStatus(status: number, detail?: string): Problem {
  const known = BY_STATUS[status];
  if (known) return { status, code: known[0], title: known[1], detail };
  if (status >= 400 && status < 500)
    return { status, code: "bad_request", title: BY_STATUS[400]![1], detail };
  return { status: 500, code: "internal", title: "An error on our side; it is in the log" };
}

import { ERRORS, type ErrorCode } from "@quarterpast/domain";
import { ProblemError } from "@quarterpast/runtime";

/** One rejected event, and why. */
export interface Rejection {
  /** Position in the request, from 0; blank lines of NDJSON do not count. */
  index: number;
  id: string | null;
  code: ErrorCode;
  field: string | null;
  detail: string;
  /** Whether the same event can be accepted later, unchanged. */
  retryable: boolean;
}

/** How long a client should wait before a retry, whole seconds. */
const RETRY_AFTER_SECONDS = 1;
/** The same if its clock is ahead of ours. */
const RETRY_AHEAD_SECONDS = 30;

/** The refusal of a whole request, by code; retryable ones carry `Retry-After`. */
export function refusal(code: ErrorCode, detail?: string): ProblemError {
  const { status, title, retryable } = ERRORS[code];
  return new ProblemError({
    status,
    code,
    title: title.en,
    ...(detail !== undefined && { detail }),
    zh: { title: title.zh },
    ...(retryable && { retryAfterSeconds: RETRY_AFTER_SECONDS }),
  });
}

/**
 * The refusal of a request of which no event was taken (SPEC U4): 422, or 503 with `Retry-After` if all that is refused
 * may come again later as it is. A request of one event is answered with that event's own problem.
 * @param events how many the request carried
 * @param rejected at least one
 */
export function noneTaken(events: number, rejected: readonly Rejection[]): ProblemError {
  const first = rejected[0]!;
  const isAhead = rejected.every(({ retryable }) => retryable);
  const code = events === 1 ? first.code : isAhead ? "events_ahead" : "events_rejected";
  const { title } = ERRORS[code];
  const others = rejected.length === 1 ? "" : `, and ${rejected.length - 1} more`;
  return new ProblemError({
    status: isAhead ? 503 : 422,
    code,
    title: title.en,
    detail: events === 1 ? first.detail : `event ${first.index}: ${first.detail}${others}`,
    zh: { title: title.zh },
    ...(events === 1 && first.field !== null && { field: first.field }),
    accepted: 0,
    rejected,
    ...(isAhead && { retryAfterSeconds: RETRY_AHEAD_SECONDS }),
  });
}

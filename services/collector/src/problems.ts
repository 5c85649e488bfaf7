import { ERRORS, type ErrorCode } from "@quarterpast/domain";
import { ProblemError } from "@quarterpast/runtime";

/** What a client waits before it tries again, whole seconds. */
const RETRY_AFTER_SECONDS = 1;

/** The refusal of a whole request, by code; the ones that may be tried again carry `Retry-After`. */
export function refusal(code: ErrorCode, detail?: string): ProblemError {
  const { status, title, retryable } = ERRORS[code];
  return new ProblemError({
    status,
    code,
    title: title.en,
    ...(detail !== undefined && { detail }),
    ...(retryable && { retryAfterSeconds: RETRY_AFTER_SECONDS }),
  });
}

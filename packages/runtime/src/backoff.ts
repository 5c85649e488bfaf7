/**
 * How long to wait after consecutive failures, real milliseconds: the first wait, doubled with each further failure,
 * up to a cap.
 */
export interface Backoff {
  firstMs: number;
  capMs: number;
}

/** Keeps the power finite; every cap is reached long before. */
const DOUBLINGS_MAX = 30;

/**
 * Milliseconds to wait after a failure.
 * @param failures consecutive failures so far, from 1
 * @param random from 0 to 1: scales half of the wait, so that callers that failed together do not retry together;
 *   without it the wait is the full one.
 */
export function backoffMs({ firstMs, capMs }: Backoff, failures: number, random = 1): number {
  const doublings = Math.min(Math.max(0, failures - 1), DOUBLINGS_MAX);
  return Math.round((Math.min(capMs, firstMs * 2 ** doublings) / 2) * (1 + random));
}

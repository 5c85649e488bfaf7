/** How long to wait after failures in a row, real milliseconds: the first wait, doubled with each further failure, up to a cap. */
export interface Backoff {
  firstMs: number;
  capMs: number;
}

/** Further doublings would change nothing: each cap is far below. */
const DOUBLINGS_MAX = 30;

/**
 * Milliseconds to wait after a failure.
 * @param failures in a row so far, from 1
 * @param random from 0 to 1: half of the wait is drawn, so that callers that failed together do not come back together;
 *   without it the wait is whole.
 */
export function backoffMs({ firstMs, capMs }: Backoff, failures: number, random = 1): number {
  const doublings = Math.min(Math.max(0, failures - 1), DOUBLINGS_MAX);
  return Math.round((Math.min(capMs, firstMs * 2 ** doublings) / 2) * (1 + random));
}

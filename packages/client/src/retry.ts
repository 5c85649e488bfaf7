import type { RandomBytes } from "./uuid.js";

/** How a client retries after a failure. All in milliseconds of real time. */
export interface RetryOptions {
  /** Pause after the first failure, 100 by default; doubled with each further one. */
  firstMs?: number;
  /** Longest pause, 2,000 by default, 5,000 at most: an outage that ends is noticed within it. */
  maxMs?: number;
  /** How long a call is repeated while the collector fails or is unreachable. No limit by default. */
  forMs?: number;
  /**
   * How long an event is repeated that the collector rejects as retryable (its time is in the future): 15 min by
   * default.
   */
  rejectedForMs?: number;
}

export type RetryPolicy = Required<RetryOptions>;

const MAX_PAUSE_MS = 5_000;
const MAX_RETRY_AFTER_MS = 60_000;

/** Fills in the defaults of a policy. */
export function retryPolicy(options: RetryOptions = {}): RetryPolicy {
  const { firstMs = 100, maxMs = 2_000, forMs = Infinity, rejectedForMs = 15 * 60_000 } = options;
  return { firstMs, maxMs: Math.min(maxMs, MAX_PAUSE_MS), forMs, rejectedForMs };
}

/**
 * The pause before the next attempt: doubled each time up to the cap, its upper half random, so that many clients do
 * not retry at the same time; never shorter than what the collector asked for.
 * @param failures failed attempts so far, from 1
 */
export function pauseMs(
  policy: RetryPolicy,
  failures: number,
  askedMs: number | undefined,
  random: RandomBytes,
): number {
  const ceiling = Math.min(policy.maxMs, policy.firstMs * 2 ** Math.min(failures - 1, 16));
  const jittered = (ceiling / 2) * (1 + random(1)[0]! / 255);
  return Math.max(jittered, Math.min(askedMs ?? 0, MAX_RETRY_AFTER_MS));
}

/** Reads `Retry-After`, seconds or an HTTP date. @returns milliseconds from now, or undefined without one. */
export function parseRetryAfter(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

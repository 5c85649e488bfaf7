import type { Phase } from "@quarterpast/domain";
import { backoffMs, type Backoff } from "@quarterpast/runtime/backoff";

/** Phases in which a record is still sent. */
export type SendPhase = Extract<Phase, "window" | "late" | "overdue">;

/** Limits of one attempt, in real ms. */
export interface CallTimeouts {
  connectMs: number;
  /** From the last byte sent to the reply's headers. */
  headersMs: number;
  /** The whole attempt, including a dripping reply. */
  totalMs: number;
}

/** When a call is sent again; data of the adapter. */
export interface RetryRule {
  backoff: Record<SendPhase, Backoff>;
  /** Between probes while submission is halted. */
  halt: Backoff;
  /** A longer Retry-After than this is ignored. */
  retryAfterCapMs: number;
  timeouts: CallTimeouts;
}

/**
 * Real ms to wait before the next attempt.
 * @param attempt attempts made so far, from 1
 * @param random in [0, 1): half of the wait is jitter, so that callers that failed together do not retry together
 * @param retryAfterMs what the marketplace asked for: never less than that, up to the rule's cap
 */
export function retryDelayMs(
  rule: RetryRule,
  backoff: Backoff,
  attempt: number,
  random: number,
  retryAfterMs = 0,
): number {
  return Math.max(backoffMs(backoff, attempt, random), Math.min(retryAfterMs, rule.retryAfterCapMs));
}

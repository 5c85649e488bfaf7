import { backoffMs } from "@quarterpast/runtime";

/** Keeps a marketplace that gives no verdicts from being called by every caller, again and again. */
export interface Breaker {
  /** Whether a call may begin now. While the breaker is open it lets through one caller at a time, after a pause. */
  mayCall(): boolean;
  /** The caller that was let through made no call after all. */
  passed(): void;
  /**
   * The result of a call.
   * @param gaveVerdict the marketplace said what became of the records, even if it refused; busy, silent or unclear
   *   is not a verdict
   * @param retryAfterMs the pause it asked for
   */
  heard(gaveVerdict: boolean, retryAfterMs?: number): void;
  /**
   * Real ms until a submission's next attempt: its own backoff, but while the breaker is open no longer than the
   * breaker's pause. So everything that waits is due when the marketplace is back, and is sent oldest first.
   */
  wait(ownMs: number): number;
  isOpen(): boolean;
}

/** This many consecutive calls without a verdict open it: at least as many as run concurrently. */
const OPENS_AFTER = 4;
/** Short enough that submission resumes within seconds of the marketplace's return. */
const PAUSE = { firstMs: 250, capMs: 3_000 };

/** Creates a closed breaker. @param nowMs real time */
export function createBreaker(nowMs: () => number): Breaker {
  let failures = 0;
  let nextAt = 0;
  let isTrying = false;
  const isOpen = () => failures >= OPENS_AFTER;
  return {
    isOpen,
    mayCall() {
      if (!isOpen()) return true;
      if (isTrying || nowMs() < nextAt) return false;
      isTrying = true;
      return true;
    },
    passed: () => void (isTrying = false),
    heard(gaveVerdict, retryAfterMs = 0) {
      isTrying = false;
      failures = gaveVerdict ? 0 : failures + 1;
      const pause = backoffMs(PAUSE, failures - OPENS_AFTER + 1);
      if (isOpen()) nextAt = nowMs() + Math.max(pause, retryAfterMs);
    },
    wait: (ownMs) => (isOpen() ? Math.min(ownMs, PAUSE.capMs) : ownMs),
  };
}

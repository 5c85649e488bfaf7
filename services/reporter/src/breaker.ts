import { backoffMs } from "@quarterpast/runtime";

/** Keeps a marketplace that gives no verdicts from being called by every lane, again and again. */
export interface Breaker {
  /** Whether a call may begin now. While the breaker is open one caller at a time is let through, after a pause. */
  mayCall(): boolean;
  /** The caller that was let through made no call after all. */
  passed(): void;
  /**
   * What came of a call.
   * @param gaveVerdict the marketplace said what became of the records, be it no; busy, silent or unclear is none
   * @param retryAfterMs how long it asked to be left alone
   */
  heard(gaveVerdict: boolean, retryAfterMs?: number): void;
  /**
   * Real ms until a submission's next attempt: what its own backoff says, but while the breaker is open no longer than
   * the breaker itself pauses. What waits is then due when the marketplace is back, and goes out oldest first.
   */
  wait(ownMs: number): number;
  isOpen(): boolean;
}

/** So many calls in a row without a verdict open it: more than are in flight at once by chance. */
const OPENS_AFTER = 4;
/** Short enough that sending resumes within seconds of the marketplace's return. */
const PAUSE = { firstMs: 250, capMs: 3_000 };

/** Makes a closed breaker. @param nowMs real time */
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

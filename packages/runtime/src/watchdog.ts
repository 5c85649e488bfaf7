import { performance } from "node:perf_hooks";
import type { Logger } from "./log.js";

/** Exit code of a process that ended itself because it made no progress (EX_SOFTWARE of sysexits.h). */
export const EXIT_STALLED = 70;

export interface WatchdogOptions {
  name: string;
  /** Whether work waits now. An error means "not known": time counts anew, for a restart would not mend what it asks. */
  isWorkWaiting: () => Promise<boolean>;
  /** Work that waits this long without progress, real milliseconds, is a stall. */
  stalledAfterMs: number;
  logger: Logger;
  everyMs?: number;
  /** What ends the process; a supervisor starts it again. */
  exit?: (code: number) => void;
  monotonicMs?: () => number;
}

/** Watches progress, not liveness: a consumer may run without an error and do nothing (failures.md B7, R13). */
export interface Watchdog {
  /** Tells that a piece of work has ended. */
  progressed(): void;
  stop(): void;
}

const EVERY_MS = 1_000;
const SLOW_ANSWER_MS = 1_000;

/** Ends the process with code 70 when work waits and none of it gets done. */
export function createWatchdog(options: WatchdogOptions): Watchdog {
  const { name, stalledAfterMs, logger, everyMs = EVERY_MS } = options;
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const exit = options.exit ?? ((code) => process.exit(code));
  let since = monotonicMs();
  let last = since;
  let isLooking = false;

  async function look(): Promise<void> {
    const asked = monotonicMs();
    const waits = await options.isWorkWaiting();
    const now = monotonicMs();
    // The process itself stood still, or what it asked did: that is no stall of its work, and time counts anew.
    if (!waits || asked - last > stalledAfterMs / 2 || now - asked > SLOW_ANSWER_MS) since = now;
    last = now;
    if (now - since < stalledAfterMs) return;
    logger.fatal({ watchdog: name, stalledMs: Math.round(now - since) }, "work waits and none gets done");
    exit(EXIT_STALLED);
  }

  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    look()
      .catch((error: unknown) => {
        since = last = monotonicMs();
        logger.debug({ err: error, watchdog: name }, "not known whether work waits");
      })
      .finally(() => (isLooking = false));
  }, everyMs);
  timer.unref();
  return {
    progressed: () => void (since = monotonicMs()),
    stop: () => clearInterval(timer),
  };
}

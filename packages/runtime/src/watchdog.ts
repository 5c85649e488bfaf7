import { performance } from "node:perf_hooks";
import type { Logger } from "./log.js";

/** Exit code of a process that ended itself because it made no progress (EX_SOFTWARE of sysexits.h). */
export const EXIT_STALLED = 70;

export interface WatchdogOptions {
  name: string;
  /**
   * Whether work is waiting now. An error means unknown: the time starts over, because a restart would not repair the
   * server that was asked.
   */
  isWorkWaiting: () => Promise<boolean>;
  /** A stall is work that waits this long without progress, real milliseconds. */
  stalledAfterMs: number;
  logger: Logger;
  everyMs?: number;
  /** Ends the process; a supervisor restarts it. */
  exit?: (code: number) => void;
  monotonicMs?: () => number;
}

/** Watches progress, not liveness: a consumer may run without an error and do nothing (failures.md B7, R13). */
export interface Watchdog {
  /** Reports that a piece of work has been finished. */
  progressed(): void;
  stop(): void;
}

const EVERY_MS = 1_000;
const SLOW_ANSWER_MS = 1_000;

/** Ends the process with code 70 if work is waiting and none gets done. */
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
    // The process itself was suspended, or the server asked was slow: not a stall of its work, so the time starts
    // over.
    if (!waits || asked - last > stalledAfterMs / 2 || now - asked > SLOW_ANSWER_MS) since = now;
    last = now;
    if (now - since < stalledAfterMs) return;
    logger.fatal(
      { watchdog: name, stalledMs: Math.round(now - since) },
      "work is waiting and none gets done",
    );
    exit(EXIT_STALLED);
  }

  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    look()
      .catch((error: unknown) => {
        since = last = monotonicMs();
        logger.debug({ err: error, watchdog: name }, "unknown whether work is waiting");
      })
      .finally(() => (isLooking = false));
  }, everyMs);
  timer.unref();
  return {
    progressed: () => void (since = monotonicMs()),
    stop: () => clearInterval(timer),
  };
}

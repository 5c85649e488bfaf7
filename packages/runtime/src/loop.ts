import { performance } from "node:perf_hooks";
import { backoffMs } from "./backoff.js";
import { sleepReal } from "./clock.js";
import type { Logger } from "./log.js";

/** Repeated work, one pass at a time. */
export interface Loop {
  start(): void;
  /** Runs a pass now, or right after the running one. Does not shorten the pause after a failed pass. */
  wake(): void;
  /** Ends the loop; resolves when the running pass has ended. */
  stop(): Promise<void>;
  /** Milliseconds since the last successful pass, or since the start if there was none. */
  msSinceSuccess(): number;
  /** The error of the last pass; undefined if it succeeded. */
  lastError(): unknown;
}

const BACKOFF = { firstMs: 50, capMs: 1_000 };

/**
 * Runs `run` every `everyMs`, counted from the end of a pass, without overlap. If `run` returns true, more work waits
 * and it runs again immediately. With `idleMs`, the rests between passes that find nothing grow up to that: call
 * `wake` when work arises, so that it starts at once; the pass every `idleMs` is the safety net. An error is logged
 * and the pass retried, after 50 ms rising to 1 s: the loop never dies.
 */
export function createLoop(options: {
  name: string;
  everyMs: number;
  /** The longest rest, evaluated before each; see `idleRest`. */
  idleMs?: () => number;
  run: (signal: AbortSignal) => Promise<boolean | void>;
  logger: Logger;
  onProgress?: () => void;
}): Loop {
  const { name, everyMs, idleMs = () => everyMs, run, logger } = options;
  const ended = new AbortController();
  let running: Promise<void> | undefined;
  let pause = new AbortController();
  let isWoken = false;
  let failures = 0;
  let idlePasses = 0;
  let lastSuccess = performance.now();
  let lastError: unknown;

  async function pass(): Promise<boolean> {
    try {
      const hasMore = (await run(ended.signal)) === true;
      idlePasses = hasMore ? 0 : idlePasses + 1;
      failures = 0;
      lastError = undefined;
      lastSuccess = performance.now();
      options.onProgress?.();
      return hasMore;
    } catch (error) {
      if (ended.signal.aborted) return false;
      failures += 1;
      lastError = error;
      logger.error({ err: error, loop: name, failures }, "a pass failed; it is tried again");
      return false;
    }
  }

  async function rest(): Promise<void> {
    if (failures > 0) {
      await sleepReal(backoffMs(BACKOFF, failures), ended.signal);
      return;
    }
    if (isWoken) {
      idlePasses = 0;
      return;
    }
    pause = new AbortController();
    const longest = Math.max(everyMs, idleMs());
    await sleepReal(Math.min(longest, everyMs * 2 ** Math.max(0, idlePasses - 1)), pause.signal);
    if (isWoken) idlePasses = 0;
  }

  async function loop(): Promise<void> {
    while (!ended.signal.aborted) {
      isWoken = false;
      const hasMore = await pass();
      if (ended.signal.aborted) return;
      // Without yielding to the event loop here, passes that never wait would starve timers and sockets.
      if (hasMore) await new Promise(setImmediate);
      else await rest();
    }
  }

  return {
    start() {
      lastSuccess = performance.now();
      running ??= loop();
    },
    wake() {
      isWoken = true;
      pause.abort();
    },
    async stop() {
      ended.abort();
      pause.abort();
      await running;
    },
    msSinceSuccess: () => performance.now() - lastSuccess,
    lastError: () => lastError,
  };
}

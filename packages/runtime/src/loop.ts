import { performance } from "node:perf_hooks";
import { backoffMs } from "./backoff.js";
import { sleepReal } from "./clock.js";
import type { Logger } from "./log.js";

/** Work that is done again and again, one pass at a time. */
export interface Loop {
  start(): void;
  /** Runs at once, or right after the running pass. Does not cut the short pause after a failed pass. */
  wake(): void;
  /** Ends the loop; resolves when the running pass has ended. */
  stop(): Promise<void>;
  /** Milliseconds since the last pass that ended well, or since the start where none did. */
  msSinceSuccess(): number;
  /** The error of the last pass; undefined where it ended well. */
  lastError(): unknown;
}

const BACKOFF = { firstMs: 50, capMs: 1_000 };

/**
 * Runs `run` every `everyMs`, counted from the end of a pass, with no overlap. `run` gives true if more work waits:
 * then it runs again at once. With `idleMs`, passes that find nothing follow each other at longer and longer distance, up
 * to that: `wake` by whoever made the work is what makes it quick, the pass every `idleMs` is the net. An error is logged
 * and the pass tried again, after 50 ms rising to 1 s: the loop never dies.
 */
export function createLoop(options: {
  name: string;
  everyMs: number;
  /** The longest rest, asked before each; see `idleRest`. */
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
      // Without this turn of the event loop, passes that never wait would starve timers and sockets.
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

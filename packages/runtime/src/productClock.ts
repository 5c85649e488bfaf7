import { noAnswer, within } from "./deadline.js";
import { sleepReal, sleepUntil, hostMicros, type Clock, type Micros, type Wait } from "./clock.js";
import type { Logger } from "./log.js";

/** The row that defines product time, and the database's own time when it was read. */
export interface ClockAnchor {
  realAnchor: Micros;
  productAnchor: Micros;
  /** Product microseconds per real microsecond; 0 stops the clock. */
  rate: number;
  serverNow: Micros;
}

/** The clock shared by all processes of a stack; read it after `start` has resolved. */
export interface ProductClock extends Clock, Wait {
  /** Resolves after the first successful read, which is retried until then; rejects if stopped before. */
  start(): Promise<void>;
  stop(): void;
}

interface State {
  anchor: ClockAnchor;
  /** The server's time minus the host's monotonic one. */
  offset: Micros;
  /** How wrong the offset may be: half the round trip. */
  error: Micros;
}

const READ_TIMEOUT_MS = 5_000;
/** A clock at real speed rarely changes, so its row is read less often. */
const STEADY_MS = 2_000;

/** Tolerance that separates a round trip's error from a step of the server's clock. */
const SLACK: Micros = 1_000;

/**
 * The offset of a new reading, or the known one if that is more precise and agrees; otherwise the jitter of round
 * trips, times the rate, would show in product time.
 */
function settle(state: State | undefined, anchor: ClockAnchor, sent: Micros, got: Micros): State {
  const error = (got - sent) / 2;
  const offset = anchor.serverNow - (sent + error);
  const agrees = state !== undefined && Math.abs(offset - state.offset) <= error + SLACK;
  return agrees && state.error < error
    ? { anchor, offset: state.offset, error: state.error }
    : { anchor, offset, error };
}

function productTime({ anchor }: State, real: Micros): Micros {
  const elapsed = Math.max(0, real - anchor.realAnchor);
  return Math.floor(anchor.productAnchor + elapsed * anchor.rate);
}

/**
 * Product time from the one row of the database (SPEC 11). Real time is the server's, corrected by half the round
 * trip and continued by the monotonic clock, so that a step of the host's clock has no effect. A real anchor in the
 * future stops the clock until then. The clock never goes back, and continues from the last anchor while the database
 * is unreachable.
 */
export function createProductClock(options: {
  readAnchor: () => Promise<ClockAnchor>;
  /** How often its row is read; less often at real speed, see `STEADY_MS`. */
  refreshMs?: number;
  logger: Logger;
  /** The host's monotonic time; replaced in tests. */
  monotonic?: () => Micros;
}): ProductClock {
  const { readAnchor, logger, refreshMs = 500, monotonic = hostMicros } = options;
  const stopped = new AbortController();
  let state: State | undefined;
  let last: Micros = -Infinity;
  let isAway = false;

  async function refresh(): Promise<void> {
    const sent = monotonic();
    try {
      const anchor = await within(READ_TIMEOUT_MS, readAnchor(), noAnswer(READ_TIMEOUT_MS));
      state = settle(state, anchor, sent, monotonic());
      if (isAway) logger.info("the clock's row can be read again");
      isAway = false;
    } catch (error) {
      if (!isAway)
        logger.warn({ err: error }, "the clock's row cannot be read; continuing with the last known one");
      isAway = true;
    }
  }

  async function keepRefreshing(): Promise<void> {
    const pause = () => (clock.rate() === 1 ? Math.max(refreshMs, STEADY_MS) : refreshMs);
    while (await sleepReal(pause(), stopped.signal)) await refresh();
  }

  const clock: Clock = {
    now() {
      if (!state) throw new Error("the product's clock is read before it was started");
      last = Math.max(last, productTime(state, monotonic() + state.offset));
      return last;
    },
    real: () => Math.floor(monotonic() + (state?.offset ?? 0)),
    rate() {
      // A real anchor in the future stops the clock.
      if (!state || monotonic() + state.offset < state.anchor.realAnchor) return 0;
      return state.anchor.rate;
    },
  };

  const step = (leftMs: number) => Math.min(refreshMs, leftMs / (state?.anchor.rate || Number.MIN_VALUE));

  return {
    ...clock,
    sleepReal,
    sleepUntilProduct: (at, signal) => sleepUntil(at, clock, step, signal),
    async start() {
      for (;;) {
        await refresh();
        if (state) break;
        if (!(await sleepReal(refreshMs, stopped.signal)))
          throw new Error("the clock was stopped before it was read");
      }
      void keepRefreshing();
    },
    stop: () => stopped.abort(),
  };
}

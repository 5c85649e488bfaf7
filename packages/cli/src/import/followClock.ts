import { parseInstant, type Micros } from "@quarterpast/domain";
import { CliError, EXIT } from "../exit.js";

/** The product's clock according to `GET /v1/stack`. Instants are ISO texts. */
export interface ToldClock {
  start: string;
  /** Real time at which the product's clock was at `start`. */
  at: string;
  rate: number;
  /** Product time of the answer. */
  now?: string | undefined;
}

/** Waits for the product's time. */
export interface FollowedClock {
  /** The product's time now, according to the last reading. */
  now(): Micros;
  /**
   * Resolves when the product's time has come and at least one tick has passed; immediately when the signal aborts.
   */
  until(time: Micros): Promise<void>;
}

const TICK_MS = 100;
const READ_EVERY_MS = 5_000;

/** Product time of a real time, by this clock; before `at` the clock stays at its start. */
export function productTime(clock: ToldClock, realMicros: Micros): Micros {
  const { start, at } = instantsOf(clock);
  return Math.floor(start + Math.max(0, realMicros - at) * clock.rate);
}

/**
 * How far the host's real time is behind the stack's, in microseconds; a fast clock multiplies any error in it. Zero
 * if the answer does not show it: stopped, not begun, or without `now`.
 */
export function hostLag(clock: ToldClock, hostMicros: Micros): Micros {
  const { start, at } = instantsOf(clock);
  const now = clock.now === undefined ? undefined : parseInstant(clock.now);
  if (now === undefined || now <= start || clock.rate <= 0) return 0;
  return at + (now - start) / clock.rate - hostMicros;
}

function instantsOf({ start, at }: ToldClock): { start: Micros; at: Micros } {
  const [startMicros, atMicros] = [parseInstant(start), parseInstant(at)];
  if (startMicros !== undefined && atMicros !== undefined) return { start: startMicros, at: atMicros };
  throw new CliError(EXIT.failed, {
    en: `the api returns a clock that cannot be read (start ${start}, at ${at}): is it of another version?`,
    zh: `api 返回的时钟无法识别（start ${start}，at ${at}）：版本是否不一致？`,
  });
}

/**
 * Follows the product's clock, reading it every 5 s; between readings, and while the api is unreachable, it continues
 * by the host's monotonic clock.
 * @param deps `hostMicros` is the host's time, not set back while running
 */
export async function followClock(deps: {
  read: () => Promise<ToldClock>;
  hostMicros: () => Micros;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  signal: AbortSignal;
}): Promise<FollowedClock> {
  const { hostMicros, signal } = deps;
  let { clock, lag, readAt } = await look();

  async function look() {
    const sent = hostMicros();
    const clock = await deps.read();
    const got = hostMicros();
    return { clock, lag: hostLag(clock, (sent + got) / 2), readAt: got };
  }

  const now = () => productTime(clock, hostMicros() + lag);

  async function refresh(): Promise<void> {
    if (hostMicros() - readAt < READ_EVERY_MS * 1_000) return;
    const seen = await look().catch(() => undefined);
    if (seen) ({ clock, lag, readAt } = seen);
    else readAt = hostMicros();
  }

  return {
    now,
    async until(time) {
      do {
        await refresh();
        const leftMs = (time - now()) / 1_000 / (clock.rate || Number.MIN_VALUE);
        await deps.sleep(Math.min(READ_EVERY_MS, Math.max(TICK_MS, leftMs)), signal);
      } while (now() < time && !signal.aborted);
    },
  };
}

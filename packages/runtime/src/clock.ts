import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

/** An instant or a span in microseconds; instants count from the Unix epoch. */
export type Micros = number;

/** Time as an argument. `now` is product time, `real` is real time. */
export interface Clock {
  now(): Micros;
  real(): Micros;
  /** Product seconds per real second; 0 while product time is stopped. */
  rate(): number;
}

/**
 * How long a loop may rest while it finds nothing to do. Only with a clock at real speed: with a faster one, a second
 * of rest is minutes of an hour that must be sealed.
 * @param ms real ms
 */
export function idleRest(clock: Pick<Clock, "rate">, ms: number): () => number {
  return () => (clock.rate() === 1 ? ms : 0);
}

/** Waiting. Each returns true when the time has come, false if the signal ended the wait first. */
export interface Wait {
  sleepReal(ms: number, signal?: AbortSignal): Promise<boolean>;
  sleepUntilProduct(at: Micros, signal?: AbortSignal): Promise<boolean>;
}

/** Sleeps by the host's monotonic timer. */
export async function sleepReal(ms: number, signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted) return false;
  return delay(Math.max(0, ms), true, { signal }).catch(() => false);
}

/**
 * setTimeout accepts at most 2^31 - 1 ms, and the clock may be changed during a wait, so waits are split into steps.
 */
export async function sleepUntil(
  at: Micros,
  clock: Clock,
  step: (leftMs: number) => number,
  signal?: AbortSignal,
): Promise<boolean> {
  for (;;) {
    if (signal?.aborted) return false;
    const left = at - clock.now();
    if (left <= 0) return true;
    if (!(await sleepReal(Math.max(1, step(left / 1000)), signal))) return false;
  }
}

/** The host's own clock: product time is real time. */
export function systemClock(): Clock & Wait {
  const real = () => Date.now() * 1000;
  const clock = { now: real, real, rate: () => 1 };
  return {
    ...clock,
    sleepReal,
    sleepUntilProduct: (at, signal) => sleepUntil(at, clock, (left) => Math.min(left, 1000), signal),
  };
}

/** A clock for tests that stands still until it is moved; sleeps end when it is moved past their time. */
export interface FixedClock extends Clock, Wait {
  /** Sets product time; real time stays. */
  set(at: Micros): void;
  /** Moves both times forward. */
  advance(by: Micros): void;
}

/** Creates a clock with product time `at` and real time `real`. */
export function fixedClock(at: Micros, real: Micros = at): FixedClock {
  const sleepers = new Set<() => void>();
  const moved = () => {
    for (const check of sleepers) check();
  };
  const waitFor = (isDue: () => boolean, signal?: AbortSignal) =>
    new Promise<boolean>((resolve) => {
      const check = () => {
        if (!signal?.aborted && !isDue()) return;
        sleepers.delete(check);
        signal?.removeEventListener("abort", check);
        resolve(!signal?.aborted);
      };
      sleepers.add(check);
      signal?.addEventListener("abort", check);
      check();
    });
  return {
    now: () => at,
    real: () => real,
    rate: () => 0,
    sleepReal(ms, signal) {
      const due = real + ms * 1000;
      return waitFor(() => real >= due, signal);
    },
    sleepUntilProduct: (due, signal) => waitFor(() => at >= due, signal),
    set(to) {
      at = to;
      moved();
    },
    advance(by) {
      at += by;
      real += by;
      moved();
    },
  };
}

/** The host's time, advanced by its monotonic clock: it does not jump when the host's clock is set. */
export function hostMicros(): Micros {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

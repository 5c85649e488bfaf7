import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

/** An instant or a span in microseconds; instants count from the Unix epoch. */
export type Micros = number;

/** Time as an argument. `now` is the product's time, `real` the time of the world. */
export interface Clock {
  now(): Micros;
  real(): Micros;
  /** Product seconds per real second; 0 while product time stands still. */
  rate(): number;
}

/**
 * How long a loop may rest while it finds nothing. Only a clock that runs by real time leaves room for that: by a faster
 * one, a second is minutes of an hour that is to be sealed.
 * @param ms real ms
 */
export function idleRest(clock: Pick<Clock, "rate">, ms: number): () => number {
  return () => (clock.rate() === 1 ? ms : 0);
}

/** Waiting. Each gives true when the time has come, false when the signal ended the wait first. */
export interface Wait {
  sleepReal(ms: number, signal?: AbortSignal): Promise<boolean>;
  sleepUntilProduct(at: Micros, signal?: AbortSignal): Promise<boolean>;
}

/** Sleeps by the host's monotonic timer. */
export async function sleepReal(ms: number, signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted) return false;
  return delay(Math.max(0, ms), true, { signal }).catch(() => false);
}

/** setTimeout takes at most 2^31 - 1 ms, and a clock may be set anew while one waits: so waits go in steps. */
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

/** A clock for tests that stands still until it is told to move; sleeps end when it is moved past their time. */
export interface FixedClock extends Clock, Wait {
  /** Sets product time, real time stays. */
  set(at: Micros): void;
  /** Moves both times on. */
  advance(by: Micros): void;
}

/** Makes a clock that stands at `at`, its real time at `real`. */
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

/** The host's time advanced by its monotonic clock: does not jump when the host's clock is set. */
export function hostMicros(): Micros {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

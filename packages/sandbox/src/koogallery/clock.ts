/** Product time stays at `start` until the real moment `at`, then runs `rate` times as fast (all milliseconds). */
export type ClockSettings = { start: number; at: number; rate: number };

export type ProductClock = {
  /** Product time now, milliseconds since the epoch. */
  now(): number;
  set(settings: ClockSettings): void;
  /** What was set, or null while product time is real time. */
  settings(): ClockSettings | null;
};

/** A product clock on top of a real one; equal to it until `set` is called. */
export function createProductClock(realNow: () => number): ProductClock {
  let current: ClockSettings | null = null;
  return {
    now() {
      if (!current) return realNow();
      return Math.floor(current.start + Math.max(0, realNow() - current.at) * current.rate);
    },
    set(settings) {
      current = settings;
    },
    settings: () => current,
  };
}

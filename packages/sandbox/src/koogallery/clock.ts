/** Product time stands at `start` until the real moment `at`, then runs `rate` times as fast (all milliseconds). */
export type ClockSettings = { start: number; at: number; rate: number };

export type ProductClock = {
  /** The product's now, milliseconds since the epoch. */
  now(): number;
  set(settings: ClockSettings): void;
  /** What was set, or null while product time is real time. */
  settings(): ClockSettings | null;
};

/** A product clock over a real one; until `set` is called it is the real one. */
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

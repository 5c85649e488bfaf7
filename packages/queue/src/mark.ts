import type { Redis } from "ioredis";

/** Detects whether Redis has lost data: a number that only this producer writes, one higher each time. */
export interface Mark {
  /** Reads the number back and writes the next one. @returns whether Redis has lost all or some of what it stored. */
  isLost(redis: Redis): Promise<boolean>;
}

/**
 * Creates a mark under its own key. The first check cannot know anything, but a producer enqueues again at its start
 * anyway.
 */
export function createMark(key: string): Mark {
  let written: number | undefined;
  let confirmed = 0;
  return {
    async isLost(redis) {
      const next = (written ?? 0) + 1;
      const before = written;
      written = next;
      const found = Number(await redis.set(key, next, "GET"));
      const isOlder = before !== undefined && found < confirmed;
      confirmed = next;
      return isOlder;
    },
  };
}

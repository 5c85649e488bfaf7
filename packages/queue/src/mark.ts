import type { Redis } from "ioredis";

/** Tells whether Redis still has what it was given: a number that only this producer writes, one higher each time. */
export interface Mark {
  /** Reads the number back and writes the next one. @returns whether Redis has lost what it took, or some of it. */
  isLost(redis: Redis): Promise<boolean>;
}

/** Makes a mark under a key of its own. The first look knows nothing yet: whoever starts enqueues anew all the same. */
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

import type { Redis } from "ioredis";

/** How much of its memory Redis has used. */
export interface Room {
  usedBytes: number;
  /** What it may use: `maxmemory`, or all memory of its machine if that is not set. */
  limitBytes: number;
}

/**
 * Above this share nothing more is added: at the limit itself, workers could not even take jobs out (failures.md
 * B12). The rest is for the bookkeeping of the jobs already there.
 */
export const FULL_SHARE = 0.8;

/** Asks Redis how full it is; one round trip. */
export async function readRoom(redis: Redis): Promise<Room> {
  const info = await redis.info("memory");
  const read = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
  return { usedBytes: read("used_memory"), limitBytes: read("maxmemory") || read("total_system_memory") };
}

/** Whether Redis must get no more entries; one whose limit is unknown is never full. */
export function isFull({ usedBytes, limitBytes }: Room): boolean {
  return limitBytes > 0 && usedBytes > limitBytes * FULL_SHARE;
}

import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";

const POLL_MS = 20;
const STUCK_AFTER_MS = 30_000;

/**
 * Waits until the query's `events` reaches the number; returns the real time in milliseconds at which that was seen.
 * @throws Error if more was counted, or nothing for a long time.
 */
export async function untilCounted(db: pg.Client, sql: string, wanted: number): Promise<number> {
  let last = -1;
  for (let movedAt = Date.now(); ; await sleep(POLL_MS)) {
    const { rows } = await db.query<{ events: number }>(sql);
    const { events } = rows[0]!;
    const at = performance.timeOrigin + performance.now();
    if (events === wanted) return at;
    if (events > wanted) throw new Error(`${events} events are counted of ${wanted}`);
    if (events !== last) movedAt = Date.now();
    else if (Date.now() - movedAt > STUCK_AFTER_MS) throw new Error(`stuck at ${events} events of ${wanted}`);
    last = events;
  }
}

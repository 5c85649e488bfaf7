import { setTimeout as sleep } from "node:timers/promises";
import { readClock, type ClockAnchor } from "./clock.js";
import { createPool, sqlState, type Pool, type PoolOptions } from "./database.js";
import { checkSchema, requireSchema } from "./migrate.js";

const TRY_EVERY_MS = 250;

/**
 * A pool whose database answers and has this version's schema. Waits for an unreachable database, or for running
 * migrations; throws immediately if the schema is newer, and when the signal fires.
 */
export async function openStore(options: PoolOptions & { signal: AbortSignal }): Promise<Pool> {
  const pool = createPool(options);
  for (;;) {
    try {
      const schema = await checkSchema(pool);
      if (schema.ok) return pool;
      if (schema.problem === "newer") await requireSchema(pool);
    } catch (error) {
      if (!isAway(error)) {
        await pool.end();
        throw error;
      }
    }
    await sleep(TRY_EVERY_MS, undefined, { signal: options.signal });
  }
}

/** Connection trouble, a server that starts or stops, a timeout: worth another try. */
function isAway(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined ? !/schema/.test(String(error)) : /^(57P|08|53)/.test(state);
}

/** Reads the clock row for a product clock; throws until it has been set. */
export function clockReader(pool: Pool): () => Promise<ClockAnchor> {
  return async () => {
    const anchor = await readClock(pool);
    if (!anchor) throw new Error("the clock has not been set yet");
    return anchor;
  };
}

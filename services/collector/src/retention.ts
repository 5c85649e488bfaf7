import { KEEP_DAYS } from "@quarterpast/domain";
import { createLoop, type Logger, type Loop } from "@quarterpast/runtime";
import type { Retention } from "@quarterpast/store";

/** How long identities are kept, in memory. While Postgres is unreachable the last known value stays valid. */
export interface KeptRetention {
  loop: Loop;
  /** Reads it now; rejects if Postgres does not answer. */
  load(): Promise<void>;
  keepDays(): number;
}

const READ_EVERY_MS = 5_000;

/**
 * Reads it repeatedly: a shorter retention takes effect within seconds, long before anything is removed because of
 * it.
 */
export function createKeptRetention(read: () => Promise<Retention>, logger: Logger): KeptRetention {
  let keepDays: number = KEEP_DAYS.usual;
  const load = async (): Promise<void> => void (keepDays = (await read()).keepDays);
  return {
    loop: createLoop({ name: "retention", everyMs: READ_EVERY_MS, run: load, logger }),
    load,
    keepDays: () => keepDays,
  };
}

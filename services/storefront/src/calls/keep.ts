import { within, type Clock, type Logger } from "@quarterpast/runtime";
import { insertCalls, type Call, type Pool } from "@quarterpast/store";
import { together } from "./together.js";

/** Stores calls; concurrent ones share a statement. */
export interface CallKeeper {
  /**
   * Resolves when the call is on disk, or after a short while, because an answer must not wait long. Never rejects.
   */
  keep(call: Call): Promise<void>;
  /** Writes what is left. */
  stop(): Promise<void>;
}

const AT_ONCE = 500;
const WAITING_MOST = 10_000;
const ANSWER_WAITS_MS = 300;
/** Unsigned calls are stored too, but not so fast that a stranger could fill the disk. */
const UNSIGNED_PER_SECOND = 10;

/** Creates the call keeper of an account. */
export function createCallKeeper({
  pool,
  accountNo,
  logger,
  clock,
}: {
  pool: Pool;
  accountNo: number;
  logger: Pick<Logger, "error">;
  clock: Pick<Clock, "real">;
}): CallKeeper {
  let waiting = 0;
  const writing = new Set<Promise<void>>();
  let second = 0;
  let unsigned = 0;
  const write = together(async (calls: readonly Call[]) => {
    await insertCalls(pool, accountNo, calls).catch((error: unknown) =>
      logger.error({ err: error, calls: calls.length }, "calls could not be stored"),
    );
    return calls.map(() => undefined);
  }, AT_ONCE);

  function mayKeep(call: Call): boolean {
    if (waiting >= WAITING_MOST) return false;
    if (call.authentic) return true;
    const now = Math.floor(clock.real() / 1_000_000);
    if (now !== second) [second, unsigned] = [now, 0];
    unsigned += 1;
    return unsigned <= UNSIGNED_PER_SECOND;
  }

  return {
    async keep(call) {
      if (!mayKeep(call)) return;
      waiting += 1;
      const kept = write(call).finally(() => {
        waiting -= 1;
        writing.delete(kept);
      });
      writing.add(kept);
      await within(ANSWER_WAITS_MS, kept, () => undefined);
    },
    async stop() {
      await Promise.all(writing);
    },
  };
}

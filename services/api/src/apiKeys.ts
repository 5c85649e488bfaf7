import { createLoop, type Logger } from "@quarterpast/runtime";
import { findBearer, liveKeys, type LiveKey, type Pool } from "@quarterpast/store";

const REFRESH_MS = 1_000;

/** The seller's keys, at most a second old. While Postgres is unreachable the last known ones stay valid. */
export interface ApiKeys {
  /** The live key of an Authorization header; undefined if there is none. */
  find(authorization: string | undefined): LiveKey | undefined;
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

/** Reads the keys once, then keeps reading them every second. */
export async function createApiKeys(deps: { pool: Pool; logger: Logger }): Promise<ApiKeys> {
  let keys = new Map<string, LiveKey>();
  const refresh = async () => {
    keys = new Map((await liveKeys(deps.pool)).map((key) => [key.keyId, key]));
  };
  await refresh();
  const loop = createLoop({ name: "keys", everyMs: REFRESH_MS, logger: deps.logger, run: refresh });
  loop.start();
  return {
    find: (authorization) => findBearer(keys, authorization),
    refresh,
    stop: () => loop.stop(),
  };
}

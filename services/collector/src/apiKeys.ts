import { createLoop, type Logger, type Loop } from "@quarterpast/runtime";
import { findBearer, type LiveKey } from "@quarterpast/store";
import { refusal } from "./problems.js";

/** The live keys, in memory. While Postgres is unreachable the last known ones stay valid. */
export interface ApiKeys {
  loop: Loop;
  /** Reads the keys now; rejects if Postgres does not answer. */
  load(): Promise<void>;
  isLoaded(): boolean;
  /**
   * The key of an authorization header.
   * @throws ProblemError `unavailable` before the keys are known, `unauthorized`, or `forbidden` for a key that may
   *   not send.
   */
  authorize(header: string | undefined): LiveKey;
}

/** Keeps the keys and reads them again every second, so that a revoked key stops working within that time. */
export function createApiKeys(deps: { readKeys: () => Promise<LiveKey[]>; logger: Logger }): ApiKeys {
  let keys: ReadonlyMap<string, LiveKey> | undefined;
  /**
   * Headers verified since the keys were last read, with their keys, so that a sender's next request is not hashed
   * again.
   */
  let right = new Map<string, LiveKey>();

  async function load(): Promise<void> {
    keys = new Map((await deps.readKeys()).map((key) => [key.keyId, key]));
    right = new Map();
  }

  function check(known: ReadonlyMap<string, LiveKey>, header: string): LiveKey {
    const key = findBearer(known, header);
    if (!key) throw refusal("unauthorized");
    // Sources belong to the seller: a key limited to an account could otherwise send for another one.
    const isUnlimited = key.role === "operator" && key.accounts === null;
    if (key.role === "ingest" || isUnlimited) return key;
    const limited = key.accounts === null ? "" : " that is limited to accounts";
    throw refusal(
      "forbidden",
      `a key of role ${key.role}${limited} does not send events: use one of role ingest`,
    );
  }

  return {
    loop: createLoop({ name: "keys", everyMs: 1_000, run: load, logger: deps.logger }),
    load,
    isLoaded: () => keys !== undefined,
    authorize(header = "") {
      if (!keys) throw refusal("unavailable", "the API keys are not known yet");
      const known = right.get(header);
      if (known !== undefined) return known;
      const key = check(keys, header);
      right.set(header, key);
      return key;
    },
  };
}

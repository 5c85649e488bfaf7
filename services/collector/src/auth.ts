import { timingSafeEqual } from "node:crypto";
import type { KeyRole } from "@quarterpast/domain";
import { createLoop, type Logger, type Loop } from "@quarterpast/runtime";
import { hashToken, type LiveKey } from "@quarterpast/store";
import { refusal } from "./problems.js";

/** Who may send events. */
const SENDERS: ReadonlySet<KeyRole> = new Set<KeyRole>(["ingest", "operator"]);
const BEARER = /^bearer +(qp_([a-z0-9]{1,32})_\S{1,128})$/i;
const NO_HASH = Buffer.alloc(32);

/** The live keys, in memory. While Postgres is away the last ones known hold. */
export interface Keyring {
  loop: Loop;
  /** Reads the keys now; rejects where Postgres does not answer. */
  load(): Promise<void>;
  isLoaded(): boolean;
  /**
   * The account that the header's key sends for.
   * @throws ProblemError `unavailable` before the keys are known, `unauthorized`, or `forbidden` for another role.
   */
  authorize(header: string | undefined): number;
}

/** Keeps the keys: read again every second, so that a revoked one ends within that. */
export function createKeyring(deps: { readKeys: () => Promise<LiveKey[]>; logger: Logger }): Keyring {
  let keys: ReadonlyMap<string, LiveKey> | undefined;
  /** Headers found right since the keys were read, with their accounts: a sender's next request is not hashed again. */
  let right = new Map<string, number>();

  async function load(): Promise<void> {
    keys = new Map((await deps.readKeys()).map((key) => [key.keyId, key]));
    right = new Map();
  }

  function check(known: ReadonlyMap<string, LiveKey>, header: string): number {
    const [, token = "", keyId = ""] = BEARER.exec(header) ?? [];
    const key = known.get(keyId);
    const isRight = timingSafeEqual(hashToken(token), key?.secretSha256 ?? NO_HASH);
    if (!key || !isRight) throw refusal("unauthorized");
    if (!SENDERS.has(key.role)) {
      throw refusal("forbidden", `a key of role ${key.role} does not send events: use one of role ingest`);
    }
    return key.accountNo;
  }

  return {
    loop: createLoop({ name: "keys", everyMs: 1_000, run: load, logger: deps.logger }),
    load,
    isLoaded: () => keys !== undefined,
    authorize(header = "") {
      if (!keys) throw refusal("unavailable", "the API keys are not known yet");
      const known = right.get(header);
      if (known !== undefined) return known;
      const accountNo = check(keys, header);
      right.set(header, accountNo);
      return accountNo;
    },
  };
}

import type { Keyring, OrderQuery } from "@quarterpast/marketplace";
import type { Clock, Logger, Metrics } from "@quarterpast/runtime";
import type { Account, Pool, Provided } from "@quarterpast/store";
import type { Reads } from "./calls/reads.js";
import type { HookSender } from "./hooks/send.js";

/** What every part of the storefront works with. */
export interface StorefrontDeps {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  account: Account;
  reads: Reads;
  /** The interconnection keys that hold now; several of one owner while a key is rotated. */
  keys: () => Keyring;
  /** Undefined where the seller has no AK and SK. */
  orderQuery: OrderQuery | undefined;
  /** Undefined where the seller has no service of its own to tell: a template answers then. */
  hooks: HookSender | undefined;
  /** What the marketplace is told of an instance where neither product nor seller says otherwise. */
  template: Provided;
  /** A random id. */
  id: () => string;
  /** That many random letters and digits. */
  letters: (count: number) => string;
  options: StorefrontOptions;
}

export interface StorefrontOptions {
  /** How far a call's time may be from ours. */
  windowSeconds: { v1: number; v2: number };
  signV2Answers: boolean;
  credentials: { v1: "1" | "2"; v2: "1" | "2" | undefined };
  lowBalancePercent: number;
}

import { keepNonces, type Nonce, type Pool } from "@quarterpast/store";
import { together } from "./together.js";

const AT_ONCE = 500;

/** Stores one-time tokens of an account's calls; concurrent ones share a statement. False for a replay. */
export function isFirstOf(pool: Pool, accountNo: number): (nonce: Nonce) => Promise<boolean> {
  return together((nonces: readonly Nonce[]) => keepNonces(pool, accountNo, nonces), AT_ONCE);
}

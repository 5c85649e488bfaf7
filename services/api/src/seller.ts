import type { LiveKey, SellerActor } from "@quarterpast/store";
import { refusal } from "./refuse.js";

/**
 * The actor for things that belong to the seller as a whole: keys, sources, events that wait for an account.
 * @throws ProblemError `forbidden` for a key that is limited to accounts
 */
export function asSeller({ apiKey }: { apiKey: LiveKey }): SellerActor {
  const { keyId, accounts } = apiKey;
  if (accounts === null) return { keyId };
  throw refusal("forbidden", {
    en: `This belongs to the seller, and key ${keyId} is limited to ${accounts.join(", ")}: use a key of all accounts`,
    zh: `此项属于整个商家，而密钥 ${keyId} 仅限账户 ${accounts.join("、")}：请使用不限账户的密钥`,
  });
}

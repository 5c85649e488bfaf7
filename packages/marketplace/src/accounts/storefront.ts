/**
 * What the seller says of an account's storefront, whatever its marketplace: the file of accounts may hold it, the
 * storefront reads it.
 */
export const STOREFRONT_SETTINGS: readonly string[] = [
  "FRONT_END_URL",
  "LOW_BALANCE_PERCENT",
  "SELLER_HOOK_URL",
];

/** Those of them that are secret. */
export const STOREFRONT_SECRETS: readonly string[] = ["SELLER_HOOK_KEY"];

/**
 * The seller's settings for an account's storefront, for any marketplace: the file of accounts may contain them, the
 * storefront reads them.
 */
export const STOREFRONT_SETTINGS: readonly string[] = [
  "FRONT_END_URL",
  "LOW_BALANCE_PERCENT",
  "SELLER_HOOK_URL",
];

/** The secret ones among them. */
export const STOREFRONT_SECRETS: readonly string[] = ["SELLER_HOOK_KEY"];

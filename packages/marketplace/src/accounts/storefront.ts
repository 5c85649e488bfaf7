/** Settings of an account's storefront that the file of accounts may hold; the storefront reads them. */
export const STOREFRONT_SETTINGS: readonly string[] = [
  "FRONT_END_URL",
  "LOW_BALANCE_PERCENT",
  "ORDER_QUERY_URL",
  "SELLER_HOOK_URL",
  "SIGNATURE_WINDOW_SECONDS",
  "SIGN_V2_ANSWERS",
  "V1_CREDENTIALS",
  "V1_WINDOW_SECONDS",
  "V2_CREDENTIALS",
];

/** Those of them that are secret. */
export const STOREFRONT_SECRETS: readonly string[] = ["SELLER_HOOK_KEY"];

/** How a product is sold. A package that stops before excess is a mode of its own. */
export const SELLING_MODES = ["pay_per_use", "package", "stop_package", "per_use", "period"] as const;
export type SellingMode = (typeof SELLING_MODES)[number];

/** When a package's quota is whole again. */
export const RESET_RULES = ["none", "monthly", "yearly"] as const;
export type ResetRule = (typeof RESET_RULES)[number];

/** How far something bought is; `same`: it turned out to be one that was bought before. */
export const SUBSCRIPTION_STATES = ["opening", "active", "suspended", "closed", "same"] as const;
export type SubscriptionState = (typeof SUBSCRIPTION_STATES)[number];

/** Why a subscription is not open yet; a closed set. */
export const WAITS_FOR = [
  "order_query",
  "order",
  "order_item",
  "no_product",
  "product",
  "several_products",
  "mode",
  "customer",
  "seller",
  "meter",
] as const;
export type WaitsFor = (typeof WAITS_FOR)[number];

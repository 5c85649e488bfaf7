import type { Text } from "../text.js";

/** How a product is sold. A package that stops before excess is a mode of its own. */
export const SELLING_MODES = ["pay_per_use", "package", "stop_package", "per_use", "period"] as const;
export type SellingMode = (typeof SELLING_MODES)[number];

/** When a package's quota is reset. */
export const RESET_RULES = ["none", "monthly", "yearly"] as const;
export type ResetRule = (typeof RESET_RULES)[number];

/** States of a subscription; `same` means that it turned out to be one that was bought before. */
export const SUBSCRIPTION_STATES = ["opening", "active", "suspended", "closed", "same"] as const;
export type SubscriptionState = (typeof SUBSCRIPTION_STATES)[number];

/** Subscriptions whose packages give. */
export const LIVING_STATES = ["active", "suspended"] as const satisfies readonly SubscriptionState[];

/** Why something bought is suspended: by the marketplace's word, or because its term is over. */
export const SUSPENSION_REASONS = ["status", "expired"] as const;
export type SuspensionReason = (typeof SUSPENSION_REASONS)[number];

/** What can happen to something bought. */
export const LIFE_EVENT_KINDS = ["opened", "renewed", "suspended", "resumed", "changed", "closed"] as const;
export type LifeEventKind = (typeof LIFE_EVENT_KINDS)[number];

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

/** What lets a waiting subscription be opened, for a person; ids and codes are in the case's detail. */
export const WAITS_FOR_ADVICE: Record<WaitsFor, Text> = {
  order_query: {
    en: "the order cannot be looked up: set ORDER_AK and ORDER_SK, then restart",
    zh: "无法查询订单：请设置 ORDER_AK 和 ORDER_SK 后重启",
  },
  order: { en: "the marketplace refuses to show the order", zh: "云商店拒绝返回该订单" },
  order_item: { en: "the marketplace's order has no such line", zh: "云商店的订单中没有该订单行" },
  no_product: { en: "the order line names no product", zh: "订单行未包含商品" },
  product: {
    en: "the product is not known: add it (quarterpast products add)",
    zh: "商品未登记：请添加（quarterpast products add）",
  },
  several_products: {
    en: "the line lists several products, but asks for one instance: choose (quarterpast cases act CASE --do choose --product PRODUCT)",
    zh: "订单行包含多个商品，但只要求一个实例：请选择（quarterpast cases act 工单 --do choose --product 商品）",
  },
  mode: {
    en: "the product was sold in a mode other than the registered one: product, registered mode, sold mode",
    zh: "商品的销售模式与登记的不一致：商品、登记的模式、销售的模式",
  },
  customer: {
    en: "neither the order nor the seller's service names the customer, so usage has no subject",
    zh: "订单和卖家服务均未给出客户，用量没有主体",
  },
  seller: { en: "the seller's service has not provided it yet", zh: "卖家服务尚未完成开通" },
  meter: {
    en: "the product's meter is not known: add it (quarterpast meters add)",
    zh: "商品的计量项未登记：请添加（quarterpast meters add）",
  },
};

/** Advice for a person on an opening's case; undefined for a case of another kind. */
export function openingAdvice(kind: string): Text | undefined {
  return WAITS_FOR.some((one) => one === kind) ? WAITS_FOR_ADVICE[kind as WaitsFor] : undefined;
}

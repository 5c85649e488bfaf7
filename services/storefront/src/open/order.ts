import type { ChargingMode, Order, OrderedProduct, OrderLine } from "@quarterpast/marketplace";
import { keepOrder, setOrdered, type Subscription } from "@quarterpast/store";
import type { OrderedMode } from "../commands.js";
import type { StorefrontDeps } from "../deps.js";
import type { Hindrance } from "./open.js";

const MODES: Record<ChargingMode, OrderedMode> = {
  ON_DEMAND: "pay_per_use",
  ON_DEMAND_PKG: "package",
  ONE_TIME: "per_use",
  PERIOD: "period",
};

/** The line of an order, or why it cannot be had. */
export type FoundLine = { order: Order; line: OrderLine } | Hindrance;

/** Asks for an order and keeps the answer. */
export async function findLine(
  { orderQuery, pool, account, clock }: StorefrontDeps,
  orderId: string,
  orderLineId: string,
  tries: number,
): Promise<FoundLine> {
  if (!orderQuery) {
    const detail = `order ${orderId} cannot be looked up: set ORDER_AK and ORDER_SK, then restart`;
    return { waitsFor: "order_query", detail, seconds: 60, isCase: true };
  }
  const answer = await orderQuery.find(orderId, orderLineId);
  if (answer.kind !== "order") {
    const detail = `order ${orderId}: the marketplace answers ${answer.code} ${answer.detail}`;
    const seconds = Math.min(60, 2 ** Math.min(tries, 6));
    return { waitsFor: "order", detail, seconds, isCase: answer.kind === "refused" };
  }
  const { accountNo } = account;
  // Postgres keeps no NUL.
  const reply = answer.raw.replaceAll("\0", "");
  await keepOrder(pool, { accountNo, orderId, line: orderLineId, reply }, clock.now());
  const line = answer.order.lines.find((one) => one.orderLineId === orderLineId);
  if (answer.order.orderId === orderId && line) return { order: answer.order, line };
  const detail = `the marketplace's order ${orderId} has no line ${orderLineId}`;
  return { waitsFor: "order", detail, seconds: 60, isCase: true };
}

/** Learns by the order query what was bought. */
export async function learnOrder(
  deps: StorefrontDeps,
  { subscriptionNo, orderId, item, tries, terms }: Subscription,
): Promise<Hindrance | Subscription> {
  const found = await findLine(deps, orderId, item, tries);
  if ("waitsFor" in found) return found;
  const { order, line } = found;
  const product = productOf(item, line, terms["chosenProduct"]);
  if ("waitsFor" in product) return product;
  return setOrdered(deps.pool, subscriptionNo, {
    productId: product.productId,
    customerId: order.customerId ?? null,
    customerName: order.customerName ?? null,
    expires: line.expires ?? null,
    terms: termsOf(order, line),
  });
}

/** The one product of a line. Of several, the one that a person chose: never a guess. */
function productOf(item: string, { products }: OrderLine, chosen: unknown): OrderedProduct | Hindrance {
  if (products.length === 0) {
    const detail = `order line ${item} names no product`;
    return { waitsFor: "order", detail, seconds: 60, isCase: true };
  }
  const product = products.length === 1 ? products[0] : products.find((one) => one.productId === chosen);
  if (product) return product;
  const ids = products.map(({ productId }) => productId).join(", ");
  const detail = `order line ${item} lists several products (${ids}), but asks for one instance: choose (quarterpast cases act CASE --do choose --product PRODUCT)`;
  return { waitsFor: "several_products", detail, seconds: 300, isCase: true };
}

/** What an order says beyond product and customer. */
export function termsOf(order: Order, { chargingMode, products }: OrderLine): Record<string, unknown> {
  return {
    ...(chargingMode !== undefined && { mode: MODES[chargingMode] }),
    ...(order.orderType !== undefined && { orderType: order.orderType }),
    ...(products[0]?.skuCode !== undefined && { skuCode: products[0].skuCode }),
    ...(products[0]?.linearValue !== undefined && { linearValue: products[0].linearValue }),
  };
}

import type { OrderedItem, Orders } from "@quarterpast/marketplace";
import type { Clock } from "@quarterpast/runtime";
import { keepOrder, setOrdered, type Pool, type Subscription } from "@quarterpast/store";
import { secondsAfter, type Hindrance } from "./hindrance.js";

/** What looking up an order uses. */
export interface OrderDeps {
  pool: Pool;
  clock: Pick<Clock, "now">;
  accountNo: number;
  /** Undefined if the seller has no access to its orders. */
  orders: Orders | undefined;
}

/** Looks up an item of an order and stores the answer. */
export async function findItem(
  { orders, pool, accountNo, clock }: OrderDeps,
  orderId: string,
  item: string,
  tries: number,
): Promise<OrderedItem | Hindrance> {
  if (!orders) return { waitsFor: "order_query", detail: orderId, seconds: 60, isCase: true };
  const found = await orders.find(orderId, item);
  if (found.kind !== "order") {
    const detail = `${orderId}: ${found.code} ${found.detail}`;
    const seconds = secondsAfter(tries);
    return { waitsFor: "order", detail, seconds, isCase: found.kind === "refused" };
  }
  // Postgres cannot store NUL.
  const reply = found.raw.replaceAll("\0", "");
  await keepOrder(pool, { accountNo, orderId, line: item, reply }, clock.now());
  if (found.item) return found.item;
  return { waitsFor: "order_item", detail: `${orderId} ${item}`, seconds: 60, isCase: true };
}

/** Looks up in its order what was bought. */
export async function learnOrder(
  deps: OrderDeps,
  { subscriptionNo, orderId, item, tries, terms }: Subscription,
): Promise<Hindrance | Subscription> {
  const found = await findItem(deps, orderId, item, tries);
  if ("waitsFor" in found) return found;
  const { productIds, ...rest } = found;
  const productId = productOf(item, productIds, terms["chosenProduct"]);
  if (typeof productId !== "string") return productId;
  return setOrdered(deps.pool, subscriptionNo, { ...rest, productId });
}

/** The only product of an item; if there are several, the one chosen by a person, never a guess. */
function productOf(item: string, ids: readonly string[], chosen: unknown): string | Hindrance {
  if (ids.length === 0) return { waitsFor: "no_product", detail: item, seconds: 60, isCase: true };
  const product = ids.length === 1 ? ids[0] : ids.find((one) => one === chosen);
  if (product !== undefined) return product;
  return { waitsFor: "several_products", detail: `${item}: ${ids.join(", ")}`, seconds: 300, isCase: true };
}

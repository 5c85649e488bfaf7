import type { FoundItem, OrderedItem, OrderedMode, Orders } from "../../storefront.js";
import type { ChargingMode, Order, OrderLine } from "../orders/order.js";
import type { OrderQuery } from "../orders/orderQuery.js";

const MODES: Record<ChargingMode, OrderedMode> = {
  ON_DEMAND: "pay_per_use",
  ON_DEMAND_PKG: "package",
  ONE_TIME: "per_use",
  PERIOD: "period",
};

/** Orders by the order query: an item is an order line. */
export function ordersBy(query: OrderQuery): Orders {
  return {
    async find(orderId, item): Promise<FoundItem> {
      const answer = await query.find(orderId, item);
      if (answer.kind !== "order") return answer;
      const { order, raw } = answer;
      const line = order.lines.find((one) => one.orderLineId === item);
      return {
        kind: "order",
        item: order.orderId === orderId && line ? itemOf(order, line) : undefined,
        raw,
      };
    },
  };
}

function itemOf(order: Order, { chargingMode, expires, products }: OrderLine): OrderedItem {
  const [first] = products;
  return {
    productIds: products.map(({ productId }) => productId),
    customerId: order.customerId ?? null,
    customerName: order.customerName ?? null,
    expires: expires ?? null,
    terms: {
      ...(chargingMode !== undefined && { mode: MODES[chargingMode] }),
      ...(order.orderType !== undefined && { orderType: order.orderType }),
      ...(first?.skuCode !== undefined && { skuCode: first.skuCode }),
      ...(first?.linearValue !== undefined && { linearValue: first.linearValue }),
    },
  };
}

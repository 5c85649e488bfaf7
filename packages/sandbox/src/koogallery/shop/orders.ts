import { join } from "node:path";
import { appendJsonLine, readJsonLines } from "./jsonLines.js";

/** How a line is charged (specification 4.2). */
export const CHARGING_MODES = ["ON_DEMAND", "ON_DEMAND_PKG", "ONE_TIME", "PERIOD"] as const;
export type ChargingMode = (typeof CHARGING_MODES)[number];

export type ShopState = "opening" | "open" | "frozen" | "released" | "failed";

/** One purchase: an order of one line. Times are ISO 8601. */
export type ShopOrder = {
  orderId: string;
  product: string;
  mode: ChargingMode;
  customer: string;
  /** Product time. */
  ordered: string;
  expires: string | null;
  state: ShopState;
  instanceId: string | null;
  /** The seller's last answer. */
  answer: string;
};

export type ShopOrders = {
  all(): ShopOrder[];
  find(orderId: string): ShopOrder | undefined;
  /** Stores an order, on disk before it becomes visible. */
  keep(order: ShopOrder): Promise<void>;
};

/** The orders of a data folder: one JSON line per change, of which an order's last one counts. */
export async function openOrders(dataDir: string): Promise<ShopOrders> {
  const path = join(dataDir, "orders.ndjson");
  const kept = await readJsonLines<ShopOrder>(path);
  const orders = new Map(kept.map((order) => [order.orderId, order]));
  return {
    all: () => [...orders.values()],
    find: (orderId) => orders.get(orderId),
    async keep(order) {
      await appendJsonLine(path, order);
      orders.set(order.orderId, order);
    },
  };
}

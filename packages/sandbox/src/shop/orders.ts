import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";

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
  /** Keeps an order, on disk before it is seen. */
  keep(order: ShopOrder): Promise<void>;
};

/** The orders of a data folder: one JSON line a change, the last one of an order holds. */
export async function openOrders(dataDir: string): Promise<ShopOrders> {
  const path = join(dataDir, "orders.ndjson");
  const orders = new Map<string, ShopOrder>();
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  // A last line without its end was cut by a kill.
  for (const line of text.split("\n").slice(0, -1)) {
    const order = JSON.parse(line) as ShopOrder;
    orders.set(order.orderId, order);
  }
  return {
    all: () => [...orders.values()],
    find: (orderId) => orders.get(orderId),
    async keep(order) {
      await appendFile(path, `${JSON.stringify(order)}\n`);
      orders.set(order.orderId, order);
    },
  };
}

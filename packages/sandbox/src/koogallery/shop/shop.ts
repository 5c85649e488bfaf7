import { randomBytes, randomUUID } from "node:crypto";
import type { ProductClock } from "../clock.js";
import type { Control } from "../control.js";
import type { SandboxLogger } from "../../port.js";
import type { ChargingMode, ShopOrder, ShopOrders } from "./orders.js";
import { RETRY_SCHEDULES, type Retries, type RetrySchedule } from "./retries.js";
import { signedQuery } from "./signature.js";

export type ShopParts = {
  orders: ShopOrders;
  control: Control;
  clock: ProductClock;
  /** The seller's production address. */
  sellerUrl: string;
  key: string;
  realNow: () => number;
  retries: Retries;
  logger: SandboxLogger;
};

export const SHOP_ACTIONS = ["freeze", "unfreeze", "release"] as const;
export type ShopAction = (typeof SHOP_ACTIONS)[number];

export type Purchase = { product: string; mode: ChargingMode; customer: string; days: number | undefined };

export type Shop = {
  orders: ShopOrders;
  /** Places an order and asks the seller for the instance; retries one that does not open immediately. */
  buy(purchase: Purchase): Promise<ShopOrder>;
  act(orderId: string, action: ShopAction): Promise<ShopOrder | undefined>;
  stop(): void;
};

const TIMEOUT_MS = 5_000;
const TIMER_MAX_MS = 2 ** 31 - 1;
const DAY_MS = 86_400_000;

/** A shop where a person buys like a customer of the marketplace. */
export function createShop(parts: ShopParts): Shop {
  const { orders, control, clock } = parts;
  const schedule: RetrySchedule = RETRY_SCHEDULES[parts.retries];
  const timers = new Set<NodeJS.Timeout>();
  const iso = () => new Date(clock.now()).toISOString();

  async function open(orderId: string, tries: number): Promise<ShopOrder> {
    const order = orders.find(orderId)!;
    // The instance may serve from the moment it is requested, so the marketplace's life of it begins then.
    const opened = iso();
    const answer = await askSeller(parts, {
      activity: "newInstance",
      orderId,
      orderLineId: lineOf(order),
      businessId: randomUUID(),
    });
    const after = { ...order, answer: answer.told };
    if (answer.code === "000000" && answer.instanceId !== undefined) {
      await control.setInstance(answer.instanceId, {
        product: order.product,
        opened,
        cycle: "hourly",
        state: order.mode === "ON_DEMAND_PKG" ? "package" : "normal",
      });
      await orders.keep({ ...after, state: "open", instanceId: answer.instanceId });
    } else if (tries >= schedule.waits.length) {
      await orders.keep({ ...after, state: "failed" });
    } else {
      await orders.keep(after);
      later(realWait(tries), () => open(orderId, tries + 1));
    }
    return orders.find(orderId)!;
  }

  function realWait(tries: number): number {
    const wait = schedule.waits[tries]!;
    // A stopped clock never reaches the time: waits as long as a timer can.
    return schedule.of === "real" ? wait : Math.min(wait / (clock.settings()?.rate ?? 1), TIMER_MAX_MS);
  }

  function later(ms: number, work: () => Promise<unknown>): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work().catch((error: unknown) => parts.logger.error({ err: error }, "an order could not be kept"));
    }, ms);
    timers.add(timer);
  }

  for (const { orderId, state } of orders.all())
    if (state === "opening") later(realWait(0), () => open(orderId, 0));

  return {
    orders,
    async buy({ product, mode, customer, days }) {
      const orderId = `CS${new Date(clock.now()).toISOString().slice(2, 10).replaceAll("-", "")}${randomBytes(5).toString("hex").toUpperCase()}`;
      const expires = days === undefined ? null : new Date(clock.now() + days * DAY_MS).toISOString();
      const fresh = { state: "opening", instanceId: null, answer: "" } as const;
      await orders.keep({ orderId, product, mode, customer, ordered: iso(), expires, ...fresh });
      return open(orderId, 0);
    },
    async act(orderId, action) {
      const order = orders.find(orderId);
      if (!order || order.instanceId === null || order.state === "released") return order;
      const answer = await askSeller(parts, callOf(action, order, order.instanceId));
      const after = { ...order, answer: answer.told };
      if (answer.code !== "000000") {
        await orders.keep(after);
        return after;
      }
      await noteLife(control, order.instanceId, action, iso());
      const state = { freeze: "frozen", unfreeze: "open", release: "released" } as const;
      await orders.keep({ ...after, state: state[action] });
      return orders.find(orderId);
    },
    stop() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

export const lineOf = ({ orderId }: Pick<ShopOrder, "orderId">) => `${orderId}-000001`;

function callOf(action: ShopAction, order: ShopOrder, instanceId: string): Record<string, string> {
  if (action === "release") {
    return { activity: "releaseInstance", instanceId, orderId: order.orderId, orderLineId: lineOf(order) };
  }
  return { activity: "updateInstanceStatus", instanceId, status: action.toUpperCase() };
}

/** Updates what the marketplace itself knows about the instance from then on: usage beyond it is void. */
async function noteLife(control: Control, id: string, action: ShopAction, now: string): Promise<void> {
  const known = control.instances().find((one) => one.instance_id === id);
  if (!known) return;
  const { instance_id: _, ...instance } = known;
  if (action === "release") await control.setInstance(id, { ...instance, closed: now });
  if (action === "freeze") await control.setInstance(id, { ...instance, state: "frozen", frozen: now });
  if (action === "unfreeze") await control.setInstance(id, { ...instance, state: "normal", frozen: null });
}

type SellerAnswer = { code: string; instanceId: string | undefined; told: string };

/** Calls the seller as V2.0 does: keys sorted, compact, signed over exactly these bytes. */
async function askSeller(
  { sellerUrl, key, realNow }: ShopParts,
  fields: Record<string, string>,
): Promise<SellerAnswer> {
  const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
  const body = JSON.stringify(Object.fromEntries(sorted));
  try {
    const query = signedQuery(key, body, realNow(), randomBytes(32).toString("hex"));
    const answer = await fetch(`${sellerUrl}?${query}`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { resultCode, resultMsg, instanceId } = (await answer.json()) as Record<string, unknown>;
    return {
      code: String(resultCode),
      instanceId: typeof instanceId === "string" ? instanceId : undefined,
      told: `${String(resultCode)} ${String(resultMsg)}`,
    };
  } catch (error) {
    const { name, cause } = error as { name: string; cause?: { code?: string } };
    return { code: "", instanceId: undefined, told: cause?.code ?? name };
  }
}

import { formatInstant, type Micros } from "@quarterpast/domain";
import { backoffMs, type Clock } from "@quarterpast/runtime";
import {
  claimHooks,
  enqueueHook,
  postponeHook,
  settleHook,
  type Db,
  type Hook,
  type Pool,
  type Subscription,
} from "@quarterpast/store";
import type { HookResult, HookSender } from "./send.js";

/**
 * What a seller's service is notified of for our own acts; a marketplace's extension acts have names defined in its
 * folder.
 */
export type HookKind =
  | "instance.open"
  | "instance.renew"
  | "instance.suspend"
  | "instance.resume"
  | "instance.change"
  | "instance.close"
  | "package.low"
  | "package.used_up";

/** A notification for the seller's service. */
export interface SellerNews {
  kind: string;
  /** What it is about: notifications about one thing are sent in order. */
  ref: string;
  data: object;
  /** The delivery's id, the same at each attempt; generated if absent. */
  deliveryId?: string;
  /** Real time before the queue sends it. */
  afterSeconds?: number;
}

/** The seller's own service, for one account. */
export interface Seller {
  /** Queues a notification in the caller's transaction; undefined if the seller has no service. */
  tell(db: Db, news: SellerNews): Promise<Hook | undefined>;
  /** Sends a queued notification now and stores its answer; after a failure it stays in the queue. */
  deliver(hook: Hook): Promise<Hook>;
  /** Sends what is due. Retries do not end. @returns whether there may be more. */
  deliverDue(): Promise<boolean>;
  /** Asks synchronously and stores nothing; undefined if the seller has no service. */
  ask(question: { kind: string; data: object }, withinMs: number): Promise<HookResult | undefined>;
}

interface SellerDeps {
  pool: Pool;
  clock: Pick<Clock, "now">;
  accountNo: number;
  /** Undefined if the seller has no service. */
  sender: HookSender | undefined;
  /** Returns a random id. */
  id: () => string;
}

const AT_ONCE = 20;
/** Longer than a delivery may take. */
const LEASE_SECONDS = 30;
const BACKOFF = { firstMs: 1_000, capMs: 300_000 };

/** Creates the seller's service of an account. */
export function createSeller({ pool, clock, accountNo, sender, id }: SellerDeps): Seller {
  const payloadOf = (deliveryId: string, { kind, data }: { kind: string; data: object }, now: Micros) =>
    JSON.stringify({ id: deliveryId, kind, at: formatInstant(now), ...data });

  async function deliver(hook: Hook): Promise<Hook> {
    if (!sender || hook.deliveredAt !== null) return hook;
    const result = await sender.send(hook);
    if (result.kind === "later") {
      await postponeHook(pool, hook.hookId, result.error, backoffMs(BACKOFF, hook.attempts + 1) / 1_000);
      return { ...hook, lastError: result.error };
    }
    await settleHook(pool, hook.hookId, result.reply, clock.now());
    return { ...hook, reply: result.reply, deliveredAt: clock.now() };
  }

  return {
    async tell(db, news) {
      if (!sender) return undefined;
      const { kind, ref, deliveryId = id(), afterSeconds } = news;
      const now = clock.now();
      const payload = payloadOf(deliveryId, news, now);
      return enqueueHook(db, accountNo, { deliveryId, kind, ref, payload }, now, afterSeconds);
    },
    deliver,
    async deliverDue() {
      if (!sender) return false;
      const due = await claimHooks(pool, accountNo, AT_ONCE, LEASE_SECONDS);
      await Promise.all(due.map(deliver));
      return due.length === AT_ONCE;
    },
    async ask(question, withinMs) {
      const deliveryId = id();
      const payload = payloadOf(deliveryId, question, clock.now());
      return sender?.send({ deliveryId, payload }, withinMs);
    },
  };
}

/** What a hook says about a subscription. */
export function describe(subscription: Subscription): object {
  const { instanceId, orderId, item, productId, mode, customerId, customerName, terms, expires } =
    subscription;
  const time = expires === null ? null : formatInstant(expires);
  return { instanceId, orderId, item, productId, mode, customerId, customerName, terms, expires: time };
}

/** Notifies, in the caller's transaction, of a change of a subscription. */
export async function tellOf(
  seller: Seller,
  db: Db,
  kind: HookKind,
  subscription: Subscription,
): Promise<void> {
  await seller.tell(db, { kind, ref: subscription.instanceId, data: describe(subscription) });
}

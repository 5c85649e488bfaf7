import { backoffMs } from "@quarterpast/runtime";
import { formatInstant, type Micros } from "@quarterpast/domain";
import {
  claimHooks,
  enqueueHook,
  postponeHook,
  settleHook,
  type Db,
  type Hook,
  type Subscription,
} from "@quarterpast/store";
import type { StorefrontDeps } from "../deps.js";

/** What a seller's service is told of; a closed set. */
export type HookKind =
  | "instance.open"
  | "instance.renew"
  | "instance.suspend"
  | "instance.resume"
  | "instance.change"
  | "instance.close"
  | "order.notified"
  | "package.low"
  | "package.used_up";

const AT_ONCE = 20;
/** Longer than a delivery may take. */
const LEASE_SECONDS = 30;
const BACKOFF = { firstMs: 1_000, capMs: 300_000 };

/** Queues a hook in the caller's transaction; nothing where the seller has no service to tell. */
export async function tellSeller(
  db: Db,
  { hooks, account, id }: StorefrontDeps,
  hook: { kind: HookKind; ref: string; data: object; deliveryId?: string; afterSeconds?: number },
  now: Micros,
): Promise<Hook | undefined> {
  if (!hooks) return undefined;
  const { kind, ref, data, deliveryId = id(), afterSeconds } = hook;
  const payload = JSON.stringify({ id: deliveryId, kind, at: formatInstant(now), ...data });
  return enqueueHook(db, account.accountNo, { deliveryId, kind, ref, payload }, now, afterSeconds);
}

/** What a hook says of a subscription. */
export function describe(subscription: Subscription): object {
  const { instanceId, orderId, item, productId, mode, customerId, customerName, terms, expires } =
    subscription;
  const time = expires === null ? null : formatInstant(expires);
  return { instanceId, orderId, item, productId, mode, customerId, customerName, terms, expires: time };
}

/** Sends a queued hook now; its answer is kept, a failure puts it back into the queue. */
export async function deliver({ pool, hooks, clock }: StorefrontDeps, hook: Hook): Promise<Hook> {
  if (!hooks || hook.deliveredAt !== null) return hook;
  const result = await hooks.send(hook);
  if (result.kind === "later") {
    await postponeHook(pool, hook.hookId, result.error, backoffMs(BACKOFF, hook.attempts + 1) / 1_000);
    return { ...hook, lastError: result.error };
  }
  await settleHook(pool, hook.hookId, result.reply, clock.now());
  return { ...hook, reply: result.reply, deliveredAt: clock.now() };
}

/** Sends what is due. Retries do not end. @returns whether there may be more. */
export async function deliverDue(deps: StorefrontDeps): Promise<boolean> {
  if (!deps.hooks) return false;
  const due = await claimHooks(deps.pool, deps.account.accountNo, AT_ONCE, LEASE_SECONDS);
  await Promise.all(due.map((hook) => deliver(deps, hook)));
  return due.length === AT_ONCE;
}

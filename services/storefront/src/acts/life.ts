import {
  addLifeEvent,
  inTransaction,
  lockSubscription,
  endLife,
  renewLife,
  resumeLife,
  setChanged,
  suspendLife,
  type Db,
  type Subscription,
} from "@quarterpast/store";
import { UNKNOWN_INSTANCE, type Answer, type Command } from "../commands.js";
import type { StorefrontDeps } from "../deps.js";
import { describe, tellSeller, type HookKind } from "../hooks/queue.js";
import { findLine, termsOf } from "../open/order.js";

type Of<A extends Command["activity"]> = Extract<Command, { activity: A }>;
const DONE: Answer = { code: "000000" };

/** Changes one subscription in one transaction, its row locked: repeated and simultaneous calls follow each other. */
async function change(
  deps: StorefrontDeps,
  instanceId: string,
  work: (db: Db, subscription: Subscription) => Promise<Answer>,
): Promise<Answer> {
  const [found] = await deps.reads.subscriptions([instanceId]);
  if (!found) return UNKNOWN_INSTANCE(instanceId);
  return inTransaction(deps.pool, async (db) =>
    work(db, await lockSubscription(db, found.sameAs ?? found.subscriptionNo)),
  );
}

/** A renewal, or its opposite: sets the end, once by its order; what was suspended because it expired goes on. */
export function refresh(deps: StorefrontDeps, command: Of<"refreshInstance">): Promise<Answer> {
  return change(deps, command.instanceId, async (db, subscription) => {
    if (subscription.state === "closed") return UNKNOWN_INSTANCE(command.instanceId);
    const { subscriptionNo } = subscription;
    const { expires, scene, orderRef } = command;
    const event = { subscriptionNo, kind: "renewed", orderRef, detail: { expires, scene } } as const;
    if (!(await addLifeEvent(db, event, deps.clock.now()))) return DONE;
    await renewLife(db, subscriptionNo, expires);
    await tell(db, deps, "instance.renew", { ...subscription, expires });
    if (subscription.state === "suspended" && subscription.suspendedWhy === "expired") {
      await resume(db, deps, subscription);
    }
    return DONE;
  });
}

/** Suspends or resumes; what is so already stays so. */
export function setStatus(deps: StorefrontDeps, command: Of<"setStatus">): Promise<Answer> {
  return change(deps, command.instanceId, async (db, subscription) => {
    const { state, subscriptionNo } = subscription;
    if (state === "opening") return { code: "000004", instanceId: command.instanceId };
    // What is released has stopped: to freeze it changes nothing, to unfreeze it cannot be.
    if (state === "closed") return command.frozen ? DONE : UNKNOWN_INSTANCE(command.instanceId);
    if (command.frozen && state === "active") {
      await suspendLife(db, subscription, command.why, deps.clock.now());
      await addLifeEvent(
        db,
        { subscriptionNo, kind: "suspended", detail: { why: command.why } },
        deps.clock.now(),
      );
      await tell(db, deps, "instance.suspend", subscription);
    }
    if (!command.frozen && state === "suspended") await resume(db, deps, subscription);
    return DONE;
  });
}

async function resume(db: Db, deps: StorefrontDeps, subscription: Subscription): Promise<void> {
  await resumeLife(db, subscription, deps.clock.now());
  await addLifeEvent(db, { subscriptionNo: subscription.subscriptionNo, kind: "resumed" }, deps.clock.now());
  await tell(db, deps, "instance.resume", subscription);
}

/** Ends a subscription; one that has ended stays so. */
export function release(deps: StorefrontDeps, command: Of<"releaseInstance">): Promise<Answer> {
  return change(deps, command.instanceId, async (db, subscription) => {
    if (subscription.state === "closed") return DONE;
    const { subscriptionNo } = subscription;
    await endLife(db, subscription, deps.clock.now());
    const detail = { order: command.orderRef };
    await addLifeEvent(db, { subscriptionNo, kind: "closed", detail }, deps.clock.now());
    await tell(db, deps, "instance.close", subscription);
    return DONE;
  });
}

/** Another specification for the same instance; V2.0 tells it by the new order alone. */
export async function upgrade(deps: StorefrontDeps, command: Of<"upgradeInstance">): Promise<Answer> {
  const { instanceId, orderId, line } = command;
  const found = line === undefined ? undefined : await findLine(deps, orderId, line, 0);
  if (found && "waitsFor" in found) return { code: "000004", instanceId, detail: found.detail };
  const bought = found && {
    productId: found.line.products[0]?.productId ?? null,
    expires: found.line.expires ?? null,
    terms: termsOf(found.order, found.line),
  };
  const { productId, expires, terms } = bought ?? {
    ...command,
    productId: command.productId ?? null,
    expires: null,
  };
  return change(deps, instanceId, async (db, subscription) => {
    if (subscription.state === "closed") return UNKNOWN_INSTANCE(instanceId);
    const { subscriptionNo } = subscription;
    const event = { subscriptionNo, kind: "changed", orderRef: orderId, detail: { productId } } as const;
    if (!(await addLifeEvent(db, event, deps.clock.now()))) return DONE;
    await setChanged(db, subscriptionNo, { productId, expires, terms });
    const after = { ...subscription, productId: productId ?? subscription.productId, terms };
    await tell(db, deps, "instance.change", { ...after, expires: expires ?? subscription.expires });
    return DONE;
  });
}

function tell(db: Db, deps: StorefrontDeps, kind: HookKind, subscription: Subscription) {
  const hook = { kind, ref: subscription.instanceId, data: describe(subscription) };
  return tellSeller(db, deps, hook, deps.clock.now());
}

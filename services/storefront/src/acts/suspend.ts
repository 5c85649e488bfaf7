import type { Acted, Storefront } from "@quarterpast/marketplace";
import { addLifeEvent, resumeLife, suspendLife, type Db, type Subscription } from "@quarterpast/store";
import { tellOf } from "../hooks/seller.js";
import { DONE, onSubscription, unknownInstance, type SubscriptionActDeps } from "./subscription.js";

const opening = (instanceId: string): Acted => ({ outcome: "processing", instanceId, detail: "" });

/** Suspends a subscription; suspending it again changes nothing. */
export function suspend(
  deps: SubscriptionActDeps,
  { instanceId, why }: Parameters<Storefront["suspend"]>[0],
): Promise<Acted> {
  return onSubscription(deps, instanceId, async (db, subscription) => {
    const { state, subscriptionNo } = subscription;
    if (state === "opening") return opening(instanceId);
    // A subscription that has ended is stopped already: suspending it changes nothing.
    if (state !== "active") return DONE;
    await suspendLife(db, subscription, why, deps.clock.now());
    await addLifeEvent(db, { subscriptionNo, kind: "suspended", detail: { why } }, deps.clock.now());
    await tellOf(deps.seller, db, "instance.suspend", subscription);
    return DONE;
  });
}

/** Ends a suspension; changes nothing if there is none. */
export function resume(
  deps: SubscriptionActDeps,
  { instanceId }: Parameters<Storefront["resume"]>[0],
): Promise<Acted> {
  return onSubscription(deps, instanceId, async (db, subscription) => {
    const { state } = subscription;
    if (state === "opening") return opening(instanceId);
    if (state === "closed") return unknownInstance(instanceId);
    if (state === "suspended") await goOn(deps, db, subscription);
    return DONE;
  });
}

/** Resumes a suspended subscription, in the caller's transaction. */
export async function goOn(
  { clock, seller }: Pick<SubscriptionActDeps, "clock" | "seller">,
  db: Db,
  subscription: Subscription,
): Promise<void> {
  await resumeLife(db, subscription, clock.now());
  await addLifeEvent(db, { subscriptionNo: subscription.subscriptionNo, kind: "resumed" }, clock.now());
  await tellOf(seller, db, "instance.resume", subscription);
}

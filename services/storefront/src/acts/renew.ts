import type { Acted, Storefront } from "@quarterpast/marketplace";
import { addLifeEvent, renewLife } from "@quarterpast/store";
import { tellOf } from "../hooks/seller.js";
import { DONE, onSubscription, unknownInstance, type SubscriptionActDeps } from "./subscription.js";
import { goOn } from "./suspend.js";

/** A renewal, or its cancellation: sets the end, once per order; resumes what was suspended because it expired. */
export function renew(
  deps: SubscriptionActDeps,
  { instanceId, orderRef, scene, expires }: Parameters<Storefront["renew"]>[0],
): Promise<Acted> {
  return onSubscription(deps, instanceId, async (db, subscription) => {
    if (subscription.state === "closed") return unknownInstance(instanceId);
    const { subscriptionNo } = subscription;
    const event = { subscriptionNo, kind: "renewed", orderRef, detail: { expires, scene } } as const;
    if (!(await addLifeEvent(db, event, deps.clock.now()))) return DONE;
    await renewLife(db, subscriptionNo, expires);
    await tellOf(deps.seller, db, "instance.renew", { ...subscription, expires });
    if (subscription.state === "suspended" && subscription.suspendedWhy === "expired")
      await goOn(deps, db, subscription);
    return DONE;
  });
}

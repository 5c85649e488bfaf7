import type { Acted, Storefront } from "@quarterpast/marketplace";
import { addLifeEvent, endLife } from "@quarterpast/store";
import { tellOf } from "../hooks/seller.js";
import { DONE, onSubscription, type SubscriptionActDeps } from "./subscription.js";

/** Ends a subscription; one that has ended stays ended. */
export function close(
  deps: SubscriptionActDeps,
  { instanceId, orderRef }: Parameters<Storefront["close"]>[0],
): Promise<Acted> {
  return onSubscription(deps, instanceId, async (db, subscription) => {
    if (subscription.state === "closed") return DONE;
    const { subscriptionNo } = subscription;
    await endLife(db, subscription, deps.clock.now());
    const detail = { order: orderRef };
    await addLifeEvent(db, { subscriptionNo, kind: "closed", detail }, deps.clock.now());
    await tellOf(deps.seller, db, "instance.close", subscription);
    return DONE;
  });
}

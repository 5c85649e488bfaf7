import type { Acted, Storefront } from "@quarterpast/marketplace";
import { addLifeEvent, setChanged } from "@quarterpast/store";
import { tellOf } from "../hooks/seller.js";
import { findItem, type OrderDeps } from "../open/order.js";
import { DONE, onSubscription, unknownInstance, type SubscriptionActDeps } from "./subscription.js";

/** Changes the specification of an instance; what the call itself lacks is looked up by its order. */
export async function change(
  deps: SubscriptionActDeps & OrderDeps,
  wanted: Parameters<Storefront["change"]>[0],
): Promise<Acted> {
  const { instanceId, orderId, item } = wanted;
  const found = item === undefined ? undefined : await findItem(deps, orderId, item, 0);
  if (found && "waitsFor" in found)
    return { outcome: "processing", instanceId, detail: `${found.waitsFor} ${found.detail}` };
  const { terms } = found ?? wanted;
  const productId = (found ? found.productIds[0] : wanted.productId) ?? null;
  const expires = found?.expires ?? null;
  return onSubscription(deps, instanceId, async (db, subscription) => {
    if (subscription.state === "closed") return unknownInstance(instanceId);
    const { subscriptionNo } = subscription;
    const event = { subscriptionNo, kind: "changed", orderRef: orderId, detail: { productId } } as const;
    if (!(await addLifeEvent(db, event, deps.clock.now()))) return DONE;
    await setChanged(db, subscriptionNo, { productId, expires, terms });
    const after = { ...subscription, productId: productId ?? subscription.productId, terms };
    await tellOf(deps.seller, db, "instance.change", { ...after, expires: expires ?? subscription.expires });
    return DONE;
  });
}

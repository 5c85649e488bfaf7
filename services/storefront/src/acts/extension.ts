import type { Acted, Storefront, Replied } from "@quarterpast/marketplace";
import { DONE, unknownInstance, type SubscriptionActDeps } from "./subscription.js";

/** Forwards a question of a marketplace's extension act to the seller's service, synchronously. */
export async function ask(
  { reads, seller }: Pick<SubscriptionActDeps, "reads" | "seller">,
  { act: kind, instanceId, data }: Parameters<Storefront["ask"]>[0],
  withinMs: number,
): Promise<Replied> {
  const [found] = await reads.subscriptions([instanceId]);
  if (!found || found.state === "closed") return unknownInstance(instanceId);
  const result = await seller.ask({ kind, data }, withinMs);
  if (!result) return { outcome: "not_asked" };
  if (result.kind === "later") return { outcome: "failed", detail: `the seller's service: ${result.error}` };
  return { outcome: "answered", reply: result.reply };
}

/** Notifies the seller's service of a marketplace's extension act, once per key. */
export async function tell(
  { pool, seller }: Pick<SubscriptionActDeps, "pool" | "seller">,
  { act: kind, ref, key: deliveryId, data }: Parameters<Storefront["tell"]>[0],
): Promise<Acted> {
  await seller.tell(pool, { kind, ref, deliveryId, data });
  return DONE;
}

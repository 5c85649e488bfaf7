import type { Acted } from "@quarterpast/marketplace";
import { inTransaction, lockSubscription, type Db, type Pool, type Subscription } from "@quarterpast/store";
import type { Clock } from "@quarterpast/runtime";
import type { Reads } from "../calls/reads.js";
import type { Seller } from "../hooks/seller.js";

/** What acts on a subscription use. */
export interface SubscriptionActDeps {
  pool: Pool;
  clock: Pick<Clock, "now">;
  reads: Pick<Reads, "subscriptions">;
  seller: Seller;
}

export const DONE: Acted = { outcome: "done" };
export const unknownInstance = (instanceId: string) => ({ outcome: "unknown_instance" as const, instanceId });

/**
 * Acts on one subscription in one transaction with its row locked, so that repeated and simultaneous calls run one
 * after the other.
 */
export async function onSubscription(
  { pool, reads }: Pick<SubscriptionActDeps, "pool" | "reads">,
  instanceId: string,
  work: (db: Db, subscription: Subscription) => Promise<Acted>,
): Promise<Acted> {
  const [found] = await reads.subscriptions([instanceId]);
  if (!found) return unknownInstance(instanceId);
  return inTransaction(pool, async (db) =>
    work(db, await lockSubscription(db, found.sameAs ?? found.subscriptionNo)),
  );
}

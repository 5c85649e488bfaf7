import type { Micros } from "@quarterpast/domain";
import { endInstance, resumeInstance, suspendInstance } from "../catalog/instances.js";
import type { Db } from "../db/database.js";
import { deactivatePackages, setPackagesExpire } from "./packages.js";
import type { Subscription } from "./subscription.js";
import { setClosed, setExpires, setSuspended } from "./subscriptions.js";

/** Suspends a subscription, and the billing of its instance from this second on. The caller holds its lock. */
export async function suspendLife(
  db: Db,
  { subscriptionNo, accountNo, instanceId }: Subscription,
  why: "status" | "expired",
  now: Micros,
): Promise<void> {
  await setSuspended(db, subscriptionNo, why, now);
  await suspendInstance(db, accountNo, instanceId, now);
}

/** Ends a suspension, at least a second after it began. The caller holds the subscription's lock. */
export async function resumeLife(
  db: Db,
  { subscriptionNo, accountNo, instanceId }: Subscription,
  now: Micros,
): Promise<void> {
  await setSuspended(db, subscriptionNo, null, now);
  await resumeInstance(db, accountNo, instanceId, now);
}

/** Ends a subscription: its instance closes, its packages are deactivated. The caller holds its lock. */
export async function endLife(
  db: Db,
  { subscriptionNo, accountNo, instanceId }: Subscription,
  now: Micros,
): Promise<void> {
  await setClosed(db, subscriptionNo, now);
  await endInstance(db, accountNo, instanceId, now);
  await deactivatePackages(db, subscriptionNo, now);
}

/** Sets when a subscription ends, and its packages with it. The caller holds its lock. */
export async function renewLife(db: Db, subscriptionNo: number, expires: Micros): Promise<void> {
  await setExpires(db, subscriptionNo, expires);
  await setPackagesExpire(db, subscriptionNo, expires);
}

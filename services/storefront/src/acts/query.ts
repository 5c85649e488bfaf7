import type { Shown, ShownInstance, ShownUsage } from "@quarterpast/marketplace";
import type { Micros } from "@quarterpast/domain";
import type { Clock } from "@quarterpast/runtime";
import {
  findPackageInstances,
  findSharingPackages,
  findSubscription,
  type InstanceUsage,
  type Pool,
  type Subscription,
} from "@quarterpast/store";
import type { Reads } from "../calls/reads.js";
import { usePackages, type PackageState } from "../packages/use.js";

interface QueryDeps {
  pool: Pool;
  clock: Pick<Clock, "now">;
  accountNo: number;
  reads: Reads;
}

/** The state and usage of instances, up to now. */
export async function query(deps: QueryDeps, ids: readonly string[]): Promise<Shown> {
  const found = await deps.reads.subscriptions(ids);
  const subscriptions = await Promise.all(found.map((one) => followSame(deps, one)));
  const known = new Set(found.map((one) => one.instanceId));
  return {
    instances: await describeAll(
      deps,
      subscriptions.filter((one) => one.state !== "opening"),
    ),
    opening: subscriptions.filter((one) => one.state === "opening").map((one) => one.instanceId),
    unknown: ids.filter((id) => !known.has(id)),
  };
}

/** A second line for one pay-per-use product shares the instance of the first. */
async function followSame(
  { pool }: Pick<QueryDeps, "pool">,
  subscription: Subscription,
): Promise<Subscription> {
  if (subscription.sameAs === null) return subscription;
  return (await findSubscription(pool, subscription.sameAs)) ?? subscription;
}

type Used = Pick<ShownUsage, "relatedInstanceId" | "quantity">;

async function describeAll(deps: QueryDeps, there: readonly Subscription[]): Promise<ShownInstance[]> {
  const now = deps.clock.now();
  const [instances, packages] = await Promise.all([usageOf(deps, there), packageUsage(deps, there, now)]);
  return there.map(({ instanceId, subscriptionNo, provided }) => {
    const own = instances.get(instanceId);
    const used: Used[] = [...(own ? [{ quantity: own.total }] : []), ...(packages.get(subscriptionNo) ?? [])];
    const dashboard = provided?.dashboardUrl === undefined ? {} : { dashboardUrl: provided.dashboardUrl };
    const usage = used.map((one) => ({ ...one, at: now, ...dashboard }));
    return { instanceId, provided: provided ?? {}, usage };
  });
}

async function usageOf(
  { reads }: Pick<QueryDeps, "reads">,
  there: readonly Subscription[],
): Promise<Map<string, InstanceUsage>> {
  const ids = there.filter((one) => one.mode === "pay_per_use").map((one) => one.instanceId);
  if (ids.length === 0) return new Map();
  const usages = await reads.usage(ids);
  return new Map(usages.map((usage) => [usage.instanceId, usage]));
}

/** What is used of each package, item by item, with the pay-per-use instance it belongs to. */
async function packageUsage(
  deps: QueryDeps,
  there: readonly Subscription[],
  now: Micros,
): Promise<Map<number, Used[]>> {
  const wanted = there.filter((one) => one.mode === "package" || one.mode === "stop_package");
  const bySubscription = new Map<number, Used[]>();
  if (wanted.length === 0) return bySubscription;
  const numbers = wanted.map((one) => one.subscriptionNo);
  const sharing = await findSharingPackages(deps.pool, numbers);
  const related = await findPackageInstances(deps.pool, deps.accountNo, sharing);
  for (const state of await usePackages(deps, sharing, related, now)) {
    const { subscriptionNo } = state.package;
    if (!numbers.includes(subscriptionNo)) continue;
    bySubscription.set(subscriptionNo, [...(bySubscription.get(subscriptionNo) ?? []), usedOf(state)]);
  }
  return bySubscription;
}

function usedOf({ used, instanceId }: PackageState): Used {
  return { ...(instanceId !== undefined && { relatedInstanceId: instanceId }), quantity: used };
}

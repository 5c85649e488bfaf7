import { formatUnits, splitAtScale, trimDecimal, type Micros } from "@quarterpast/domain";
import { formatDigits } from "@quarterpast/marketplace";
import {
  findPackageInstances,
  findSharingPackages,
  type InstanceUsage,
  type Subscription,
} from "@quarterpast/store";
import type { Answer, InstanceInfo, UsageInfo } from "../commands.js";
import type { StorefrontDeps } from "../deps.js";
import { followSame } from "../open/open.js";
import { usePackages, type PackageState } from "../packages.js";

/** Decimals of usageValue (koogallery.md 3.2). */
const DECIMALS = 4;

/** Answers with what instances are and have used, up to now. */
export async function queryInstances(deps: StorefrontDeps, ids: readonly string[]): Promise<Answer> {
  const found = await deps.reads.subscriptions(ids);
  const subscriptions = await Promise.all(found.map((one) => followSame(deps, one)));
  const known = new Set(found.map((one) => one.instanceId));
  const unknown = ids.filter((id) => !known.has(id));
  const there = subscriptions.filter((one) => one.state !== "opening");
  const info = await describeAll(deps, there);
  if (unknown.length > 0) {
    return { code: "000003", message: `instance ID does not exist: ${unknown[0]}`, info };
  }
  const opening = subscriptions.find((one) => one.state === "opening");
  return { code: opening ? "000004" : "000000", info };
}

async function describeAll(deps: StorefrontDeps, there: readonly Subscription[]): Promise<InstanceInfo[]> {
  const now = deps.clock.now();
  const [instances, packages] = await Promise.all([usageOf(deps, there), packageUsage(deps, there, now)]);
  return there.map((subscription) => {
    const { instanceId, provided } = subscription;
    const own = instances.get(instanceId);
    const shown: UsageInfo[] = [
      ...(own ? [{ usageValue: shownValue(own.total) }] : []),
      ...(packages.get(subscription.subscriptionNo) ?? []),
    ].map((one) => ({
      ...one,
      statisticalTime: formatDigits(now),
      ...(provided?.dashboardUrl !== undefined && { dashboardUrl: provided.dashboardUrl }),
    }));
    return { instanceId, app: provided ?? {}, usage: shown };
  });
}

async function usageOf(
  { reads }: StorefrontDeps,
  there: readonly Subscription[],
): Promise<Map<string, InstanceUsage>> {
  const ids = there.filter((one) => one.mode === "pay_per_use").map((one) => one.instanceId);
  if (ids.length === 0) return new Map();
  const usages = await reads.usage(ids);
  return new Map(usages.map((usage) => [usage.instanceId, usage]));
}

/** What is used of each package, item by item, with the pay-per-use instance it belongs to. */
async function packageUsage(deps: StorefrontDeps, there: readonly Subscription[], now: Micros) {
  const wanted = there.filter((one) => one.mode === "package" || one.mode === "stop_package");
  const bySubscription = new Map<number, Pick<UsageInfo, "relatedInstanceId" | "usageValue">[]>();
  if (wanted.length === 0) return bySubscription;
  const numbers = wanted.map((one) => one.subscriptionNo);
  const sharing = await findSharingPackages(deps.pool, numbers);
  const related = await findPackageInstances(deps.pool, deps.account.accountNo, sharing);
  for (const state of await usePackages(deps, sharing, related, now)) {
    const { subscriptionNo } = state.package;
    if (!numbers.includes(subscriptionNo)) continue;
    bySubscription.set(subscriptionNo, [...(bySubscription.get(subscriptionNo) ?? []), toInfo(state)]);
  }
  return bySubscription;
}

function toInfo({ used, instanceId }: PackageState): Pick<UsageInfo, "relatedInstanceId" | "usageValue"> {
  return {
    ...(instanceId !== undefined && { relatedInstanceId: instanceId }),
    usageValue: shownValue(used),
  };
}

/** Decimal text cut to the decimals that the marketplace shows. */
function shownValue(quantity: string): string {
  return trimDecimal(formatUnits(splitAtScale(quantity, DECIMALS).billable, DECIMALS));
}

import { addDecimals, toUnits, type Micros } from "@quarterpast/domain";
import {
  deduct,
  findPackageInstances,
  findSharingPackages,
  inTransaction,
  listLivePackages,
  markPackageTold,
  packagePeriod,
  readPackageUse,
  readUnfiledUsage,
  useKey,
  type Package,
  type PackageInstance,
} from "@quarterpast/store";
import type { StorefrontDeps } from "./deps.js";
import { tellSeller, type HookKind } from "./hooks/queue.js";

/** A package as it stands now. */
export interface PackageState {
  package: Package;
  period: Micros;
  /** In its present period, hours that are still open included: decimal text. */
  used: string;
  /** The pay-per-use instance it belongs to; undefined where the customer has none. */
  instanceId: string | undefined;
}

/**
 * What packages have given so far: what records took, and what is not filed yet as it would be taken.
 * @param packages all that share a subject and meter, or unfiled usage would be taken from too few.
 */
export async function usePackages(
  { pool, account }: StorefrontDeps,
  packages: readonly Package[],
  related: readonly PackageInstance[],
  now: Micros,
): Promise<PackageState[]> {
  const instanceOf = new Map(related.map((one) => [pairOf(one), one.instanceId]));
  // In this order: an hour that is filed in between is then missing for a moment, never taken twice.
  const use = await readPackageUse(
    pool,
    packages.map((one) => one.packageNo),
  );
  const ids = related.map((one) => one.instanceId);
  const unfiled = new Map(
    (await readUnfiledUsage(pool, account.accountNo, ids, now)).map((one) => [one.instanceId, one]),
  );
  for (const [pair, instanceId] of instanceOf) {
    const sharing = packages.filter((one) => pairOf(one) === pair);
    const { residue, hours } = unfiled.get(instanceId) ?? { residue: "0", hours: [] };
    let carried = residue;
    for (const { hour, quantity } of hours) {
      carried = addDecimals(carried, quantity);
      if (carried.startsWith("-")) continue;
      deduct(sharing, use, hour, carried);
      carried = "0";
    }
  }
  return packages.map((one) => {
    const period = packagePeriod(one, now);
    const used = use.get(useKey(one.packageNo, period)) ?? "0";
    return { package: one, period, used, instanceId: instanceOf.get(pairOf(one)) };
  });
}

const pairOf = ({ subject, meterNo }: { subject: string; meterNo: number }) => `${meterNo}\n${subject}`;

const PAGE = 500;
const SCALE = 12;

/**
 * Tells the seller's service of packages that run low, and of those that are used up, once a period each. A used-up
 * stop-before-excess package with no other to take over says `stop`: the service must end (koogallery.md 2.2).
 */
export async function watchPackages(deps: StorefrontDeps): Promise<void> {
  const now = deps.clock.now();
  let after = 0;
  for (;;) {
    const page = await listLivePackages(deps.pool, deps.account.accountNo, now, after, PAGE);
    if (page.length === 0) return;
    after = page.at(-1)!.packageNo;
    const numbers = page.map((one) => one.packageNo);
    // Those that share with a package of this page may stand on another one.
    const sharing = await findSharingPackages(
      deps.pool,
      page.map((one) => one.subscriptionNo),
    );
    const related = await findPackageInstances(deps.pool, deps.account.accountNo, sharing);
    const states = (await usePackages(deps, sharing, related, now)).filter((one) => isLive(one.package, now));
    for (const state of states.filter((one) => numbers.includes(one.package.packageNo))) {
      await tellOf(deps, state, states, now);
    }
  }
}

const isLive = ({ starts, expires, deactivatedAt }: Package, now: Micros) =>
  starts <= now && deactivatedAt === null && (expires === null || expires > now);

async function tellOf(
  deps: StorefrontDeps,
  state: PackageState,
  all: readonly PackageState[],
  now: Micros,
): Promise<void> {
  const left = leftOf(state);
  const quota = toUnits(state.package.quota, SCALE);
  if (left > 0n && left * 100n >= quota * BigInt(deps.options.lowBalancePercent)) return;
  const others = all.some(
    (one) => one !== state && pairOf(one.package) === pairOf(state.package) && leftOf(one) > 0n,
  );
  const stop = state.package.stops && !others;
  if (left === 0n) await tellOnce(deps, state, "used_up", { kind: "package.used_up", stop }, now);
  else await tellOnce(deps, state, "warned", { kind: "package.low", stop: false }, now);
}

function leftOf({ package: { quota }, used }: PackageState): bigint {
  const left = toUnits(quota, SCALE) - toUnits(used, SCALE);
  return left > 0n ? left : 0n;
}

async function tellOnce(
  deps: StorefrontDeps,
  { package: one, period, used, instanceId }: PackageState,
  what: "warned" | "used_up",
  { kind, stop }: { kind: HookKind; stop: boolean },
  now: Micros,
): Promise<void> {
  const known = what === "warned" ? one.warnedPeriod : one.usedUpPeriod;
  if (known === period) return;
  await inTransaction(deps.pool, async (db) => {
    if (!(await markPackageTold(db, one.packageNo, what, period))) return;
    const { subject, meter, quota } = one;
    const data = { packageInstanceId: one.instanceId, instanceId, subject, meter, quota, used, stop };
    await tellSeller(db, deps, { kind, ref: one.instanceId, data }, now);
    deps.logger.info({ package: one.instanceId, meter, stop }, kind);
  });
}

import { toUnits, type Micros } from "@quarterpast/domain";
import type { Clock, Logger } from "@quarterpast/runtime";
import {
  findPackageInstances,
  findSharingPackages,
  inTransaction,
  listLivePackages,
  markPackageTold,
  type Package,
  type Pool,
} from "@quarterpast/store";
import type { HookKind, Seller } from "../hooks/seller.js";
import { pairOf, usePackages, type PackageState } from "./use.js";

/** What watching the balances of packages uses. */
export interface WatchDeps {
  pool: Pool;
  clock: Pick<Clock, "now">;
  logger: Pick<Logger, "info">;
  accountNo: number;
  seller: Pick<Seller, "tell">;
  /** A package is low below this percentage of its quota. */
  lowBalancePercent: number;
}

const PAGE = 500;
const SCALE = 12;

/**
 * Notifies the seller's service of packages that run low or are used up, once per period each. For a used-up
 * stop-before-excess package without another to take over it says `stop`: the service must end.
 */
export async function watchPackages(deps: WatchDeps): Promise<void> {
  const now = deps.clock.now();
  let after = 0;
  for (;;) {
    const page = await listLivePackages(deps.pool, deps.accountNo, now, after, PAGE);
    if (page.length === 0) return;
    after = page.at(-1)!.packageNo;
    const numbers = page.map((one) => one.packageNo);
    // Packages that share usage with one of this page may be on another page.
    const sharing = await findSharingPackages(
      deps.pool,
      page.map((one) => one.subscriptionNo),
    );
    const related = await findPackageInstances(deps.pool, deps.accountNo, sharing);
    const states = (await usePackages(deps, sharing, related, now)).filter((one) => isLive(one.package, now));
    for (const state of states.filter((one) => numbers.includes(one.package.packageNo))) {
      await tellOf(deps, state, states);
    }
  }
}

const isLive = ({ starts, expires, deactivatedAt }: Package, now: Micros) =>
  starts <= now && deactivatedAt === null && (expires === null || expires > now);

async function tellOf(deps: WatchDeps, state: PackageState, all: readonly PackageState[]): Promise<void> {
  const left = leftOf(state);
  const quota = toUnits(state.package.quota, SCALE);
  if (left > 0n && left * 100n >= quota * BigInt(deps.lowBalancePercent)) return;
  const others = all.some(
    (one) => one !== state && pairOf(one.package) === pairOf(state.package) && leftOf(one) > 0n,
  );
  const stop = state.package.stops && !others;
  if (left === 0n) await tellOnce(deps, state, "used_up", { kind: "package.used_up", stop });
  else await tellOnce(deps, state, "warned", { kind: "package.low", stop: false });
}

function leftOf({ package: { quota }, used }: PackageState): bigint {
  const left = toUnits(quota, SCALE) - toUnits(used, SCALE);
  return left > 0n ? left : 0n;
}

async function tellOnce(
  deps: WatchDeps,
  { package: one, period, used, instanceId }: PackageState,
  what: "warned" | "used_up",
  { kind, stop }: { kind: HookKind; stop: boolean },
): Promise<void> {
  const known = what === "warned" ? one.warnedPeriod : one.usedUpPeriod;
  if (known === period) return;
  await inTransaction(deps.pool, async (db) => {
    if (!(await markPackageTold(db, one.packageNo, what, period))) return;
    const { subject, meter, quota } = one;
    const data = { packageInstanceId: one.instanceId, instanceId, subject, meter, quota, used, stop };
    await deps.seller.tell(db, { kind, ref: one.instanceId, data });
    deps.logger.info({ package: one.instanceId, meter, stop }, kind);
  });
}

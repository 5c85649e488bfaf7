import { addDecimals, type Micros } from "@quarterpast/domain";
import {
  deduct,
  packagePeriod,
  readPackageUse,
  readUnfiledUsage,
  useKey,
  type Package,
  type PackageInstance,
  type Pool,
} from "@quarterpast/store";

/** A package's present state. */
export interface PackageState {
  package: Package;
  period: Micros;
  /** In its present period, including hours that are still open: decimal text. */
  used: string;
  /** The pay-per-use instance it belongs to; undefined if the customer has none. */
  instanceId: string | undefined;
}

/**
 * What packages have covered so far: what records took, plus what is not filed yet, as it would be taken.
 * @param packages all that share a subject and meter; otherwise unfiled usage would be taken from too few.
 */
export async function usePackages(
  { pool, accountNo }: { pool: Pool; accountNo: number },
  packages: readonly Package[],
  related: readonly PackageInstance[],
  now: Micros,
): Promise<PackageState[]> {
  const instanceOf = new Map(related.map((one) => [pairOf(one), one.instanceId]));
  // In this order, an hour filed in between is missing for a moment, but never counted twice.
  const use = await readPackageUse(
    pool,
    packages.map((one) => one.packageNo),
  );
  const ids = related.map((one) => one.instanceId);
  const unfiled = new Map(
    (await readUnfiledUsage(pool, accountNo, ids, now)).map((one) => [one.instanceId, one]),
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

/** What packages share: the usage of one subject and meter. */
export const pairOf = ({ subject, meterNo }: { subject: string; meterNo: number }) =>
  `${meterNo}\n${subject}`;

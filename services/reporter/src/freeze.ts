import {
  addDecimals,
  billableQuantity,
  CHAIN_GENESIS,
  deadlinesOf,
  extendChain,
  oldestBegin,
  keptSlot,
  placementOf,
  type BillingPlan,
  type CarriedIn,
  type Micros,
  type SealedRecord,
} from "@quarterpast/domain";
import type { MarketplaceProfile } from "@quarterpast/marketplace";
import { type Clock, faultPoint } from "@quarterpast/runtime";
import {
  advanceFreeze,
  findFreezeWork,
  insertRecords,
  insertResidues,
  insertSubmission,
  insertUnbillable,
  inTransaction,
  lockCarriable,
  lockChain,
  lockFreezeWork,
  openPackages,
  readSealedUsage,
  readTakenIntervals,
  type Account,
  type Db,
  type FreezeWork,
  type FrozenRecord,
  type HourPackages,
  type Pool,
  type PoolClient,
  type SealedUsage,
} from "@quarterpast/store";

export interface FreezeDeps {
  pool: Pool;
  clock: Clock;
  account: Pick<Account, "accountNo" | "dayOffset">;
  /** Of this account. */
  profile: MarketplaceProfile;
  recordsPerCall: number;
  /** Instances frozen in one transaction. */
  instancesPerChunk?: number | undefined;
}

const INSTANCES_PER_CHUNK = 1_000;

/** Freezes one chunk of the account's oldest unfrozen hour of every shard. @returns whether there was work. */
export async function freezeRecords(deps: FreezeDeps): Promise<boolean> {
  const work = await findFreezeWork(deps.pool, deps.account.accountNo);
  const done = await Promise.all(work.map((hour) => freezeChunk(deps, hour)));
  await faultPoint("reporter.afterFreeze");
  return done.some(Boolean);
}

/**
 * One chunk in one transaction: records with their canonical and wire bytes, chain, residue, and the intent to file
 * them (SPEC 5). After a kill the whole chunk is made again, with the same serial numbers.
 */
async function freezeChunk(deps: FreezeDeps, found: FreezeWork): Promise<boolean> {
  return inTransaction(deps.pool, async (db) => {
    const work = await lockFreezeWork(db, found);
    if (!work) return false;
    await faultPoint("reporter.beforeFreeze");
    const { instancesPerChunk = INSTANCES_PER_CHUNK } = deps;
    const now = deps.clock.now();
    const carriable = await findCarriable(deps, db, work);
    const also = carriable && { all: deps.profile.limits.filesZero, instanceNos: [...carriable.keys()] };
    const usages = await readSealedUsage(db, work, instancesPerChunk, also);
    const numbers = usages.map((usage) => usage.instanceNo);
    const packages = await openPackages(db, numbers, work.hour);
    const plans = await planAll(deps, db, work, { usages, packages, carriable }, now);
    await freezePlans(deps, db, work, plans, now);
    await packages.save();
    await insertResidues(db, work.hour, changedResidues(plans));
    await insertUnbillable(db, work.hour, unbillable(plans));
    const through = usages.at(-1)?.instanceNo ?? work.frozenThrough;
    await advanceFreeze(db, work, through, usages.length < instancesPerChunk, now);
    await faultPoint("reporter.beforeFreezeCommit");
    return true;
  });
}

interface Planned {
  usage: SealedUsage;
  plan: BillingPlan;
}

/** What an hour holds for the instances of a chunk. */
interface HourContent {
  usages: readonly SealedUsage[];
  packages: HourPackages;
  /** What earlier records have to give, by instance; absent if the marketplace takes more than one record an hour. */
  carriable: ReadonlyMap<number, CarriedIn> | undefined;
}

async function findCarriable(
  { profile }: FreezeDeps,
  db: Db,
  work: FreezeWork,
): Promise<Map<number, CarriedIn> | undefined> {
  return profile.slot === "hour" ? lockCarriable(db, work, profile.duplicateCodes) : undefined;
}

async function planAll(
  { profile, account: { dayOffset } }: FreezeDeps,
  db: Db,
  { hour }: FreezeWork,
  { usages, packages, carriable }: HourContent,
  now: Micros,
): Promise<Planned[]> {
  const placement = placementOf(profile);
  const planned: Planned[] = [];
  for (const usage of usages) {
    const notBefore = oldestBegin(profile.windows, now, { dayOffset, closed: usage.closed });
    const taken =
      placement.needsTaken(hour, usage) && notBefore !== Infinity
        ? await readTakenIntervals(db, usage.instanceNo, notBefore)
        : [];
    const context = { hour, recordTime: now, limits: profile.limits, notBefore, taken };
    const { instanceNo, instanceId: instance } = usage;
    const shares = packages.sharesOf(instanceNo, billableQuantity(usage, profile.limits));
    const carried = carriable?.get(instanceNo);
    const plan = placement.plan({ ...usage, instance, shares, carried }, context);
    packages.take(instanceNo, addDecimals("0", ...plan.bodies.map((body) => body.quantity)));
    planned.push({ usage, plan });
  }
  return planned;
}

async function freezePlans(
  deps: FreezeDeps,
  db: PoolClient,
  { accountNo, shard }: FreezeWork,
  planned: readonly Planned[],
  now: Micros,
): Promise<void> {
  // Grouped by product, because a product may have its own key, and a call has one signature.
  const entries = planned
    .toSorted((a, b) => (a.usage.product < b.usage.product ? -1 : a.usage.product > b.usage.product ? 1 : 0))
    .flatMap(({ usage, plan }) => plan.bodies.map((body) => ({ usage, body })));
  if (entries.length === 0) return;
  const head = await lockChain(db, accountNo, shard, CHAIN_GENESIS);
  const sealed = extendChain(
    entries.map(({ body }) => body),
    shard,
    head,
  );
  const records = sealed.map((record, at) => freezeOne(deps, record, entries[at]!.usage));
  await insertRecords(db, records, now);
  await faultPoint("reporter.afterRecords");
  for (const call of callsOf(records, deps)) await insertIntent(db, call, now, deps.clock.real());
}

/**
 * Cuts records into calls: none too large, and of one product each if the marketplace requires that. If its calls are
 * spaced by instance, all records of one stay together, because the next call for it would have to wait.
 */
export function callsOf(
  records: readonly FrozenRecord[],
  { profile, recordsPerCall }: Pick<FreezeDeps, "profile" | "recordsPerCall">,
): FrozenRecord[][] {
  const isGrouped = profile.calls.groupedBy === "product";
  const isSpaced = profile.calls.spacingMs > 0;
  const calls: FrozenRecord[][] = [];
  for (const together of isSpaced ? runsOfInstance(records) : records.map((record) => [record])) {
    const last = calls.at(-1);
    const fits =
      last !== undefined &&
      last.length + together.length <= recordsPerCall &&
      (!isGrouped || last[0]!.product === together[0]!.product);
    if (fits) last.push(...together);
    else
      for (let at = 0; at < together.length; at += recordsPerCall)
        calls.push(together.slice(at, at + recordsPerCall));
  }
  return calls;
}

/** Consecutive records of one instance. */
function runsOfInstance(records: readonly FrozenRecord[]): FrozenRecord[][] {
  const runs: FrozenRecord[][] = [];
  for (const record of records) {
    const last = runs.at(-1);
    if (last?.[0]!.instanceNo === record.instanceNo) last.push(record);
    else runs.push([record]);
  }
  return runs;
}

/**
 * Adds to a record what its submission needs: the marketplace's bytes, which never change afterwards, and its
 * deadlines.
 */
export function freezeOne(
  { profile, account: { dayOffset } }: Pick<FreezeDeps, "profile" | "account">,
  record: SealedRecord,
  {
    accountNo,
    instanceNo,
    cycle,
    closed,
  }: Pick<SealedUsage, "accountNo" | "instanceNo" | "cycle" | "closed">,
): FrozenRecord {
  const { instance: instanceId, sn: serialNumber, begin, end, recordTime, quantity, product } = record;
  const relatedPackageInstance = record.packageInstance;
  const { windowEnds, lateEnds, expires } = deadlinesOf(profile.windows, {
    ...{ dayOffset, cycle, hour: record.hour, begin, closed },
  });
  const wire = profile.encodeRecord({
    ...{ instanceId, serialNumber, begin, end, recordTime, quantity, product, relatedPackageInstance },
  });
  const { wireVersion } = profile;
  const slot = keptSlot(profile.slot, begin);
  return Object.assign(record, {
    accountNo,
    instanceNo,
    wire,
    wireVersion,
    slot,
    windowEnds,
    lateEnds,
    expires,
  });
}

/** Commits the intent to file frozen records that follow each other in one chain. */
export async function insertIntent(
  db: Db,
  records: readonly FrozenRecord[],
  now: Micros,
  real: Micros,
): Promise<void> {
  const [first, last] = [records[0]!, records.at(-1)!];
  await insertSubmission(
    db,
    {
      accountNo: first.accountNo,
      shard: first.shard,
      seqFrom: first.seq,
      seqTo: last.seq,
      parent: null,
      host: null,
      deadline: Math.min(...records.map((record) => record.windowEnds)),
      expires: Math.min(...records.map((record) => record.expires)),
    },
    now,
    real,
  );
}

function changedResidues(planned: readonly Planned[]): { instanceNo: number; residue: string }[] {
  return planned
    .filter(({ usage, plan }) => plan.residue !== usage.residue)
    .map(({ usage, plan }) => ({ instanceNo: usage.instanceNo, residue: plan.residue }));
}

function unbillable(planned: readonly Planned[]): { instanceNo: number; quantity: string; reason: string }[] {
  return planned.flatMap(({ usage, plan }) =>
    plan.unbillable === undefined
      ? []
      : [{ instanceNo: usage.instanceNo, quantity: usage.quantity, reason: plan.unbillable }],
  );
}

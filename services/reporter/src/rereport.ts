import {
  CHAIN_GENESIS,
  extendChain,
  oldestBegin,
  placementOf,
  planRereport,
  type Interval,
  type Micros,
} from "@quarterpast/domain";
import { faultPoint } from "@quarterpast/runtime";
import {
  finishRereport,
  insertRecords,
  inTransaction,
  isRereportWanted,
  lockChain,
  lockRereport,
  readOtherIntervals,
  readReplaced,
  type Db,
  type PoolClient,
  type WaitingRereport,
} from "@quarterpast/store";
import { freezeOne, insertIntent, type FreezeDeps } from "./freeze.js";

type RereportDeps = Pick<FreezeDeps, "pool" | "clock" | "account" | "profile">;

/**
 * Carries out the account's oldest request to file a record again: a new record at the chain's end that names the old
 * one and keeps its interval, or gets the requested one if that cannot bill twice (SPEC 7). @returns whether one
 * waited.
 */
export async function carryOutRereport(deps: RereportDeps): Promise<boolean> {
  if (!(await isRereportWanted(deps.pool, deps.account.accountNo))) return false;
  return inTransaction(deps.pool, async (db) => {
    const wish = await lockRereport(db, deps.account.accountNo);
    if (!wish) return false;
    await faultPoint("reporter.beforeRereport");
    const now = deps.clock.now();
    const refused = await refusalOf(deps, db, wish, now);
    const result = refused === undefined ? { newSn: await file(deps, db, wish, now) } : { refused };
    await finishRereport(db, wish.requestId, result, now);
    await faultPoint("reporter.beforeRereportCommit");
    return true;
  });
}

async function refusalOf(
  { profile, account: { dayOffset } }: Pick<RereportDeps, "profile" | "account">,
  db: Db,
  wish: WaitingRereport,
  now: Micros,
): Promise<string | undefined> {
  const { sn, begin, opened, closed } = wish;
  const notBefore = oldestBegin(profile.windows, now, { dayOffset, closed });
  const [record, ...replaced] = await readReplaced(db, sn);
  return placementOf(profile).supersede({
    ...{ begin, now, notBefore },
    records: [record!, ...replaced],
    interval: otherInterval(wish),
    life: { opened, closed: closed ?? undefined },
    taken: await readOtherIntervals(db, wish, notBefore),
    duplicateCodes: profile.duplicateCodes,
  });
}

function otherInterval({ newBegin: begin, newEnd: end }: WaitingRereport): Interval | undefined {
  return begin === null || end === null ? undefined : { begin, end };
}

async function file(deps: RereportDeps, db: PoolClient, wish: WaitingRereport, now: Micros): Promise<string> {
  const { profile, clock } = deps;
  const replaced = { ...wish, instance: wish.instanceId };
  const body = planRereport(replaced, wish.quantity, profile.limits, now, otherInterval(wish));
  const head = await lockChain(db, wish.accountNo, wish.shard, CHAIN_GENESIS);
  const sealed = extendChain([body], wish.shard, head)[0]!;
  const record = freezeOne(deps, sealed, wish);
  await insertRecords(db, [record], now);
  await insertIntent(db, [record], now, clock.real());
  return record.sn;
}

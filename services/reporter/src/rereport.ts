import {
  CHAIN_GENESIS,
  deadlinesOf,
  extendChain,
  planRereport,
  transition,
  type Micros,
} from "@quarterpast/domain";
import { faultPoint } from "@quarterpast/runtime";
import {
  finishRereport,
  insertRecords,
  inTransaction,
  lockChain,
  lockRereport,
  type Db,
  type FrozenRecord,
  type WaitingRereport,
} from "@quarterpast/store";
import { frozenParts, insertIntent, type FreezeDeps } from "./freeze.js";

/**
 * Carries out the oldest wish to file a record again: a new record at the chain's end that names the old one and keeps
 * its interval (design, rule 7). @returns whether one waited.
 */
export async function carryOutRereport(deps: FreezeDeps): Promise<boolean> {
  return inTransaction(deps.pool, async (db) => {
    const wish = await lockRereport(db);
    if (!wish) return false;
    await faultPoint("reporter.beforeRereport");
    const now = deps.clock.now();
    const refused = refusalOf(deps, wish, now);
    const result = refused === undefined ? { newSn: await file(deps, db, wish, now) } : { refused };
    await finishRereport(db, wish.requestId, result, now);
    await faultPoint("reporter.beforeRereportCommit");
    return true;
  });
}

function refusalOf({ adapter }: FreezeDeps, wish: WaitingRereport, now: Micros): string | undefined {
  if (transition(wish.state, "rereported") === null)
    return `a record that is ${wish.state} is not filed again`;
  const isRefused = wish.state === "rejected_fixable" || wish.state === "rejected_final";
  if (isRefused && wish.mayHaveBeenTaken) {
    return "a call with it may have been taken: a statement must show first that it was not";
  }
  if (wish.begin + adapter.windows.expiry <= now)
    return "the marketplace no longer takes records that begin then";
  return undefined;
}

async function file(deps: FreezeDeps, db: Db, wish: WaitingRereport, now: Micros): Promise<string> {
  const { adapter, clock } = deps;
  const body = planRereport({ ...wish, instance: wish.instanceId }, wish.quantity, adapter.limits, now);
  const head = await lockChain(db, wish.accountNo, wish.shard, CHAIN_GENESIS);
  const sealed = extendChain([body], wish.shard, head)[0]!;
  const record: FrozenRecord = {
    ...sealed,
    accountNo: wish.accountNo,
    instanceNo: wish.instanceNo,
    ...frozenParts(adapter, body, sealed.sn),
    ...deadlinesOf(adapter.windows, wish.cycle, wish.hour, wish.begin),
  };
  await insertRecords(db, [record], now);
  await insertIntent(db, [record], now, clock.real());
  return record.sn;
}

import {
  findSubscriptions,
  readInstanceUsage,
  type InstanceUsage,
  type Pool,
  type Subscription,
} from "@quarterpast/store";
import type { Clock } from "@quarterpast/runtime";
import { together } from "./together.js";

/** What calls look up; concurrent look-ups share a statement, because most calls are queries. */
export interface Reads {
  /** The subscriptions with these instance ids; unknown ids are left out. */
  subscriptions(ids: readonly string[]): Promise<Subscription[]>;
  /** Cumulative usage of these pay-per-use instances, up to now. */
  usage(ids: readonly string[]): Promise<InstanceUsage[]>;
}

const CALLS_AT_ONCE = 50;

export function createReads({
  pool,
  accountNo,
  clock,
}: {
  pool: Pool;
  accountNo: number;
  clock: Pick<Clock, "now">;
}): Reads {
  return {
    subscriptions: byId((ids) => findSubscriptions(pool, accountNo, ids)),
    usage: byId((ids) => readInstanceUsage(pool, accountNo, ids, clock.now())),
  };
}

function byId<T extends { instanceId: string }>(read: (ids: readonly string[]) => Promise<T[]>) {
  return together<readonly string[], T[]>(async (asked) => {
    const found = new Map((await read([...new Set(asked.flat())])).map((one) => [one.instanceId, one]));
    return asked.map((ids) => [...new Set(ids)].flatMap((id) => found.get(id) ?? []));
  }, CALLS_AT_ONCE);
}

import {
  foldBatch,
  hourOf,
  refusalOf,
  type CountedEvent,
  type Meter,
  type QuarantineReason,
} from "@quarterpast/domain";
import { faultPoint } from "@quarterpast/runtime";
import {
  addUsage,
  changeReason,
  findReleasable,
  inTransaction,
  listMeters,
  lockOpenHours,
  releaseEvents,
  type Releasable,
} from "@quarterpast/store";
import { billHourOf } from "./bind.js";
import type { CountDeps } from "./count.js";

const AT_ONCE = 1_000;

/**
 * Counts waiting events whose binding exists now: state and open hour change in one transaction (SPEC 3).
 * @returns how many were counted; call again until it is 0.
 */
export async function releaseQuarantine({ pool, now }: Pick<CountDeps, "pool" | "now">): Promise<number> {
  const waiting = await findReleasable(pool, AT_ONCE);
  if (waiting.length === 0) return 0;
  await faultPoint("aggregator.beforeRelease");
  return inTransaction(pool, async (db) => {
    const meters = new Map((await listMeters(db)).map((meter) => [meter.code, meter]));
    const { countable, refused } = sortOut(waiting, meters);
    if (refused.length > 0) await changeReason(db, refused);
    const openHours = await lockOpenHours(
      db,
      countable.map((event) => event.shard),
    );
    const rows = countable.map((event) => ({
      ...event,
      billHour: billHourOf(event.occurred, event.shard, openHours),
    }));
    const released = await releaseEvents(db, rows, now());
    const counted = rows.filter((row) => released.has(`${row.sourceNo} ${row.key}`));
    await addUsage(db, foldBatch(counted.map((row) => toCounted(row, meters.get(row.meter)!))));
    await faultPoint("aggregator.beforeReleaseCommit");
    return counted.length;
  });
}

function sortOut(
  waiting: readonly Releasable[],
  meters: ReadonlyMap<string, Meter>,
): { countable: Releasable[]; refused: (Releasable & { reason: QuarantineReason })[] } {
  const judged = waiting.map((event) => ({
    event,
    reason:
      refusalOf(meters.get(event.meter)!, usageOf(event)) ??
      (event.isAmbiguous ? ("ambiguous_account" as const) : undefined),
  }));
  return {
    countable: judged.flatMap(({ event, reason }) => (reason === undefined ? [event] : [])),
    refused: judged.flatMap(({ event, reason }) => (reason === undefined ? [] : [{ ...event, reason }])),
  };
}

function usageOf(event: Releasable): { quantity: string | undefined; value: string | undefined } {
  return { quantity: event.quantity ?? undefined, value: event.value ?? undefined };
}

function toCounted(event: Releasable & { billHour: number }, meter: Meter): CountedEvent {
  const { shard, instanceNo, billHour } = event;
  return {
    shard,
    instanceNo,
    billHour,
    aggregation: meter.aggregation,
    originHour: hourOf(event.occurred),
    ...usageOf(event),
  };
}

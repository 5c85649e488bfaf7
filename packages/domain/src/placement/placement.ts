import type { RecordBody } from "../billing/record.js";
import { formatCompact, hourOf, type Micros } from "../time.js";
import { firstFreeHour, hourSpan, planHour } from "./hourSlots.js";
import { billableSpan, supplementInterval, type Interval, type Life } from "./interval.js";
import { lifeOf, planRecords, type BillingPlan, type PlanContext, type UsageToBill } from "./plan.js";
import { rereportProblem, type RereportContext, type Supersede } from "./rereport.js";

/**
 * What a marketplace accepts only once: the exact interval of an instance, its UTC hour, an operation named by the
 * record, or nothing at all.
 */
export type Slot = "interval" | "hour" | "operation" | "none";

/** How an account's usage becomes records: pure, chosen by what its marketplace accepts only once. */
export interface Placement {
  slot: Slot;
  /** Whether planning this usage requires the taken slots. */
  needsTaken(hour: Micros, usage: Pick<UsageToBill, "opened" | "closed">): boolean;
  /** The records of one instance and hour. */
  plan(usage: UsageToBill, context: PlanContext): BillingPlan;
  /** Where usage of a finished life may still go; undefined if nowhere. @param notBefore the oldest begin accepted */
  late(life: Life, taken: readonly Interval[], notBefore: Micros): Interval | undefined;
  /** Why a record may not be filed again like this; undefined if it may. */
  supersede(context: RereportContext): string | undefined;
  /** The slot that a record fills within its instance; if nothing is accepted only once, the record's own place. */
  slotOf(record: Pick<RecordBody, "begin" | "end" | "part">): string;
}

/** The placement of an account. */
export function placementOf({ slot, supersede: rule }: { slot: Slot; supersede: Supersede }): Placement {
  const supersede = (context: RereportContext) => {
    if (slot === "hour" && context.interval && hourOf(context.interval.begin) !== hourOf(context.begin))
      return "a record is filed again in its own hour only";
    return rereportProblem(context, rule);
  };
  if (slot === "hour")
    return {
      ...{ slot, supersede, plan: planHour, late: firstFreeHour },
      needsTaken: (hour, usage) => hourSpan(hour, lifeOf(usage)) === undefined,
      slotOf: ({ begin }) => keptSlot(slot, begin)!,
    };
  return {
    ...{ slot, supersede, plan: planRecords },
    needsTaken: (hour, usage) => billableSpan(hour, lifeOf(usage)) === undefined,
    late: (life, taken, notBefore) => supplementInterval(life, notBefore, taken),
    slotOf: ({ begin, end, part }) => {
      const interval = `${formatCompact(begin)}/${formatCompact(end)}`;
      return slot === "interval" ? interval : `${interval}/${part.split("r")[0]}`;
    },
  };
}

/**
 * The slot kept with a record, so that the database refuses a second record in it: the hour, if the marketplace accepts
 * each hour only once; null otherwise.
 */
export function keptSlot(slot: Slot, begin: Micros): string | null {
  return slot === "hour" ? formatCompact(hourOf(begin)) : null;
}

/** Which attempt at its slot a record is, from 0: each replaces the one before. */
export function attemptOf({ part }: Pick<RecordBody, "part">): number {
  return Number(part.split("r")[1] ?? "0");
}

import type { RecordLimits } from "../billing/limits.js";
import { addDecimals, formatUnits, splitAtScale, toUnits } from "../quantity.js";
import { HOUR, hourOf, SECOND, type Micros } from "../time.js";
import type { Interval, Life, PartPlan } from "./interval.js";
import {
  bodiesOf,
  lifeOf,
  NOTHING_CARRIED,
  type BillingPlan,
  type PlanContext,
  type UsageToBill,
} from "./plan.js";

/**
 * The interval of an hour's only record: the hour clipped to the life, in whole seconds. No minute is kept free for
 * supplements, because later usage needs an hour of its own.
 * @returns undefined if the instance lived for less than a second of that hour.
 */
export function hourSpan(hour: Micros, { opened, closed }: Life): Interval | undefined {
  // Rounded inwards: a marketplace refuses a record that begins before the purchase.
  const begin = Math.ceil(Math.max(hour, opened) / SECOND) * SECOND;
  const end = Math.floor(Math.min(hour + HOUR, closed ?? Infinity) / SECOND) * SECOND;
  return begin < end ? { begin, end } : undefined;
}

/**
 * Where usage of a finished life may still go: its first hour that the marketplace accepts and that no record holds.
 * @param taken intervals of records that hold their hours
 * @param notBefore the oldest begin that the marketplace accepts
 */
export function firstFreeHour(
  life: Life,
  taken: readonly Interval[],
  notBefore: Micros,
): Interval | undefined {
  if (life.closed === undefined || notBefore === Infinity) return undefined;
  const held = new Set(taken.map(({ begin }) => hourOf(begin)));
  for (let hour = hourOf(Math.max(life.opened, notBefore)); hour < life.closed; hour += HOUR) {
    const span = hourSpan(hour, life);
    if (span && span.begin >= notBefore && !held.has(hour)) return span;
  }
  return undefined;
}

/**
 * Makes the one record of an instance and hour: all whole units up to the limit of one record; the rest waits for the
 * next hour. The record takes over what earlier records have to give; if no record can be made, it stays with them. If
 * zero is filed, an hour without a billable unit also gets a record, which holds its slot like any other.
 */
export function planHour(usage: UsageToBill, context: PlanContext): BillingPlan {
  const { carried } = usage;
  const planned =
    carried && planTotal(usage, context, addDecimals(usage.quantity, usage.residue, carried.quantity));
  if (planned && planned.bodies.length > 0) return planned;
  return planTotal({ ...usage, carried: undefined }, context, addDecimals(usage.quantity, usage.residue));
}

function planTotal(usage: UsageToBill, context: PlanContext, total: string): BillingPlan {
  const { limits } = context;
  const { quantity, residue } = fill(total, limits);
  const isZero = quantity === undefined;
  if (isZero && !limits.filesZero) return { bodies: [], residue };
  const life = lifeOf(usage);
  const own = hourSpan(context.hour, life);
  // An hour of a finished life is not used up for nothing to bill.
  const span = own ?? (isZero ? undefined : firstFreeHour(life, context.taken, context.notBefore));
  if (!span) {
    if (isZero) return { bodies: [], residue };
    return { bodies: [], residue: usage.residue, unbillable: "no second of its life is left to bill" };
  }
  const parts = [{ part: 0, ...span, quantity: quantity ?? zeroOf(limits) }];
  const plan: PartPlan = { parts, residue };
  // An hour without events, or of 0, is filed for what it takes over, or for its slot: its record says so.
  const carried = usage.carried ?? (isZero || usage.events === 0 ? NOTHING_CARRIED : undefined);
  const bodies = bodiesOf(usage, context, plan, own ? "usage" : "supplement");
  return { bodies: bodies.map((body) => ({ ...body, carried })), residue };
}

const zeroOf = ({ quantityDecimals }: RecordLimits): string => formatUnits(0n, quantityDecimals);

/** The part of a total that one record carries, undefined if there is none; a credit stays in the residue. */
function fill(total: string, limits: RecordLimits): { quantity: string | undefined; residue: string } {
  if (total.startsWith("-")) return { quantity: undefined, residue: total };
  const { quantityDecimals: decimals } = limits;
  const { billable, residue } = splitAtScale(total, decimals);
  if (billable === 0n) return { quantity: undefined, residue };
  const most = toUnits(limits.largestQuantity, decimals);
  const units = billable < most ? billable : most;
  return {
    quantity: formatUnits(units, decimals),
    residue: addDecimals(residue, formatUnits(billable - units, decimals)),
  };
}

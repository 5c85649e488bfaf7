import type { RecordLimits } from "./limits.js";
import { formatUnits, splitAtScale, toUnits, addDecimals, type Units } from "./quantity.js";
import { HOUR, MINUTE, SECOND, type Micros } from "./time.js";

/** `[begin, end)` in whole seconds. */
export interface Interval {
  begin: Micros;
  end: Micros;
}

/** When an instance may be billed; `closed` is undefined while it lives. Whole seconds. */
export interface Life {
  opened: Micros;
  closed?: Micros | undefined;
}

/** Kept free at the end of a life, so that usage that comes after its last record still has an interval to go out with. */
const SUPPLEMENT_RESERVE: Micros = MINUTE;

/**
 * The interval that an hour's records of an instance may fill: the hour clipped to the life; where the life ends in
 * the hour, its last minute (half of a life shorter than two) is left for supplements (design, rule 4).
 * @returns undefined where the instance did not live in that hour.
 */
export function billableSpan(hour: Micros, life: Life): Interval | undefined {
  const begin = Math.max(hour, life.opened);
  const end = Math.min(hour + HOUR, life.closed ?? Infinity);
  if (begin >= end) return undefined;
  if (life.closed === undefined || life.closed > hour + HOUR) return { begin, end };
  const half = Math.floor((end - begin) / 2 / SECOND) * SECOND;
  return { begin, end: end - Math.min(SUPPLEMENT_RESERVE, half) };
}

/**
 * The latest free second of a life, for a supplement: inside the life, disjoint from every interval taken, and not
 * older than `notBefore`.
 * @param taken intervals already billed, in any order. @returns undefined where no second is free.
 */
export function supplementInterval(
  life: Life,
  notBefore: Micros,
  taken: readonly Interval[],
): Interval | undefined {
  if (life.closed === undefined) return undefined;
  let end = life.closed;
  for (const { begin, end: takenEnd } of [...taken].sort((a, b) => b.end - a.end)) {
    if (takenEnd <= end - SECOND) break;
    end = Math.min(end, begin);
  }
  const begin = end - SECOND;
  return begin >= Math.max(life.opened, notBefore) ? { begin, end } : undefined;
}

/** One record to be: its interval and its quantity with just the marketplace's decimals. */
export interface PlannedPart extends Interval {
  part: number;
  quantity: string;
}

export interface PartPlan {
  parts: PlannedPart[];
  /** Decimal text that stays for the next hour. */
  residue: string;
}

/**
 * Cuts an hour's total into records: one where it fits, several over disjoint intervals where it is above what one
 * record may carry, none where it is below the marketplace's last decimal (koogallery.md 1.4: value > 0).
 * @param total usage of the hour plus the residue carried in, decimal text.
 */
export function planParts(span: Interval, total: string, limits: RecordLimits): PartPlan {
  const { quantityDecimals: decimals, quantityIntegerDigits: digits } = limits;
  const split = splitAtScale(total, decimals);
  const most: Units = 10n ** BigInt(digits + decimals) - 1n;
  const seconds = (span.end - span.begin) / SECOND;
  const wanted = (split.billable + most - 1n) / most;
  const count = wanted > BigInt(seconds) ? seconds : Number(wanted);
  const parts: PlannedPart[] = [];
  let left = split.billable;
  for (let part = 0; part < count; part += 1) {
    const units = left > most ? most : left;
    left -= units;
    parts.push({ part, ...slice(span, seconds, part, count), quantity: formatUnits(units, decimals) });
  }
  // More than a record a second can carry: what is left waits for the next hour, it is not lost.
  return { parts, residue: addDecimals(split.residue, formatUnits(left, decimals)) };
}

function slice(span: Interval, seconds: number, part: number, count: number): Interval {
  const at = (index: number): Micros => span.begin + Math.floor((seconds * index) / count) * SECOND;
  return { begin: at(part), end: at(part + 1) };
}

/** Whether two decimal texts name the same quantity, whatever their trailing zeros. */
export function sameQuantity(a: string, b: string): boolean {
  const scale = Math.max(...[a, b].map((text) => text.split(".")[1]?.length ?? 0));
  return toUnits(a, scale) === toUnits(b, scale);
}

import type { RecordLimits } from "../billing/limits.js";
import { formatUnits, splitAtScale, toUnits, addDecimals, type Units } from "../quantity.js";
import { HOUR, MINUTE, SECOND, type Micros } from "../time.js";

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

/** Kept free at the end of a life, so that usage arriving after its last record still has an interval. */
const SUPPLEMENT_RESERVE: Micros = MINUTE;

/**
 * The interval that an hour's records of an instance may fill: the hour clipped to the life. If the life ends in the
 * hour, its last minute (or half, if it lived less than two minutes of it) is left for supplements (SPEC 4).
 * @returns undefined if the instance did not live in that hour.
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
 * before `notBefore`.
 * @param taken intervals already billed, in any order.
 * @param parts how many records to make room for; fewer fit if no more time is free just before the latest second.
 * @param shortest of one part.
 * @returns undefined if there is no room for even one part.
 */
export function supplementInterval(
  life: Life,
  notBefore: Micros,
  taken: readonly Interval[],
  parts = 1,
  shortest: Micros = SECOND,
): Interval | undefined {
  if (life.closed === undefined) return undefined;
  let end = life.closed;
  let free = Math.max(life.opened, notBefore);
  for (const { begin, end: takenEnd } of [...taken].sort((a, b) => b.end - a.end)) {
    if (takenEnd <= end - shortest) {
      free = Math.max(free, takenEnd);
      break;
    }
    end = Math.min(end, begin);
  }
  const most = Math.min(parts, Math.floor((end - free) / shortest));
  return most >= 1 ? { begin: end - most * shortest, end } : undefined;
}

/** What a package covers of a quantity, decimal text; `packageInstance` if its records must name it. */
export interface PackageShare {
  packageInstance?: string | undefined;
  quantity: string;
}

/** A planned record: its interval, and its quantity with exactly the marketplace's decimals. */
export interface PlannedPart extends Interval {
  part: number;
  quantity: string;
  packageInstance?: string;
}

export interface PartPlan {
  parts: PlannedPart[];
  /** Decimal text left for the next hour. */
  residue: string;
}

/**
 * Cuts an hour's total into records: one if it fits; several over disjoint intervals if it exceeds the limit of one
 * record or comes from several packages; none if it is below the marketplace's last decimal (koogallery.md 1.4: value
 * > 0).
 * @param total usage of the hour plus the residue carried in, decimal text.
 * @param shares what packages cover of it, in order; the rest comes last, without a package.
 */
export function planParts(
  span: Interval,
  total: string,
  limits: RecordLimits,
  shares: readonly PackageShare[] = [],
): PartPlan {
  const { quantityDecimals: decimals } = limits;
  const { billable, residue } = splitAtScale(total, decimals);
  const pieces = cut(billable, limits, shares, partsIn(span, limits));
  const parts = pieces.map(({ units, packageInstance }, part): PlannedPart => ({
    part,
    ...slice(span, part, pieces.length),
    quantity: formatUnits(units, decimals),
    ...(packageInstance !== undefined && { packageInstance }),
  }));
  // More than the hour's records can carry: the rest waits for the next hour and is not lost.
  const left = pieces.reduce((rest, { units }) => rest - units, billable);
  return { parts, residue: addDecimals(residue, formatUnits(left, decimals)) };
}

/** How many records a total needs, at most `most`. */
export function countParts(
  total: string,
  limits: RecordLimits,
  shares: readonly PackageShare[],
  most: number,
): number {
  return cut(splitAtScale(total, limits.quantityDecimals).billable, limits, shares, most).length;
}

interface Piece {
  units: Units;
  packageInstance: string | undefined;
}

/** The first `count` pieces: each from one package, none above the limit of one record. */
function cut(billable: Units, limits: RecordLimits, shares: readonly PackageShare[], count: number): Piece[] {
  const { quantityDecimals: decimals } = limits;
  const most: Units = toUnits(limits.largestQuantity, decimals);
  const pieces: Piece[] = [];
  for (const { packageInstance, units } of runsOf(billable, decimals, shares)) {
    for (let left = units; left > 0n && pieces.length < count; left -= most) {
      pieces.push({ packageInstance, units: left > most ? most : left });
    }
  }
  return pieces;
}

/**
 * Shares one after the other, merging neighbours that name the same package. Cut at their running sums, so nothing is
 * lost to rounding.
 */
function runsOf(billable: Units, decimals: number, shares: readonly PackageShare[]): Piece[] {
  const runs: Piece[] = [];
  let done: Units = 0n;
  const add = (packageInstance: string | undefined, upTo: Units): void => {
    const units = (upTo < billable ? upTo : billable) - done;
    if (units <= 0n) return;
    done += units;
    const last = runs.at(-1);
    if (last && last.packageInstance === packageInstance) last.units += units;
    else runs.push({ packageInstance, units });
  };
  let sum = "0";
  for (const { packageInstance, quantity } of shares) {
    sum = addDecimals(sum, quantity);
    add(packageInstance, splitAtScale(sum, decimals).billable);
  }
  add(undefined, billable);
  return runs;
}

/** How many records an interval has room for. */
function partsIn({ begin, end }: Interval, { partsPerHour, shortestInterval }: RecordLimits): number {
  const most = Math.floor((end - begin) / shortestInterval);
  return partsPerHour === "many" ? most : Math.min(partsPerHour, most);
}

function slice(span: Interval, part: number, count: number): Interval {
  const seconds = (span.end - span.begin) / SECOND;
  const at = (index: number): Micros => span.begin + Math.floor((seconds * index) / count) * SECOND;
  return { begin: at(part), end: at(part + 1) };
}

/** Whether two decimal texts name the same quantity, whatever their trailing zeros. */
export function sameQuantity(a: string, b: string): boolean {
  const scale = Math.max(...[a, b].map((text) => text.split(".")[1]?.length ?? 0));
  return toUnits(a, scale) === toUnits(b, scale);
}

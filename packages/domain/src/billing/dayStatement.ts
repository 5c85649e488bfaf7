import { addDecimals, unitsOf } from "../quantity.js";
import { DAY, formatCompact, type Micros } from "../time.js";

/** What we have of one instance and day of the account, and what the marketplace says it has; decimal text. */
export interface StatedDay {
  /** Accepted, or billed already. */
  taken: string;
  /** Of records that may have been taken. */
  unknown: string;
  /** Undefined if the statement has no line of it. */
  stated: string | undefined;
  /** A record of the day is still to be filed, or its outcome is newer than the statement; or the day is not over. */
  isOpen: boolean;
}

/** The name of an instance's day among findings. @param day its begin */
export function dayName(instanceId: string, day: Micros): string {
  return `${instanceId} ${formatCompact(day)}-${formatCompact(day + DAY)}`;
}

/**
 * What a statement by day makes of one day. `agreed`: all that we filed is there, what was unknown too. `missing`: what was
 * unknown, or all of the day, is not there. `waits`: it shows nothing yet.
 */
export type DayVerdict = "agreed" | "missing" | "extra" | "different" | "waits";

/**
 * Sets a day against the marketplace's sum of it. A sum says nothing of a single record: only if it is that of all records,
 * or of all but the unknown ones, does it settle anything; every other difference is for a person.
 * @param isComplete the statement has every instance that the marketplace knows usage of
 */
export function judgeDay({ taken, unknown, stated, isOpen }: StatedDay, isComplete: boolean): DayVerdict {
  if (isOpen) return "waits";
  const all = unitsOf(addDecimals(taken, unknown));
  if (stated === undefined) return isComplete && all > 0n ? "missing" : "waits";
  const theirs = unitsOf(stated);
  if (theirs === all) return "agreed";
  if (all === 0n) return "extra";
  return theirs === unitsOf(taken) ? "missing" : "different";
}

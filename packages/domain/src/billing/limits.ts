import { isDecimal, scaleOf, toUnits } from "../quantity.js";
import { DAY, HOUR, MINUTE, SECOND, type Micros } from "../time.js";

/** What a marketplace allows in one record and one call: data of its adapter, not constants of ours. */
export interface RecordLimits {
  /** Records one call may carry. */
  recordsPerCall: number;
  /** Decimals a quantity may have; a smaller remainder is kept as residue. */
  quantityDecimals: number;
  /**
   * Decimal text. A larger quantity is filed in parts; if an hour allows only one, the rest waits for the next hour.
   */
  largestQuantity: string;
  /** Records that one instance may have in one hour. */
  partsPerHour: 1 | "many";
  /** A shorter record is not made: its usage waits for the next hour. */
  shortestInterval: Micros;
  /** Whether an hour without a billable unit is filed as a record of 0. */
  filesZero: boolean;
  serialNumberChars: number;
  instanceIdChars: number;
  /** Wire bytes of one call. */
  callBytes: number;
}

/** Whether a decimal text can be the quantity of one record. */
export function fitsRecord(quantity: string, limits: RecordLimits): boolean {
  if (!isDecimal(quantity) || scaleOf(quantity) > limits.quantityDecimals) return false;
  const units = toUnits(quantity, limits.quantityDecimals);
  const least = limits.filesZero ? 0n : 1n;
  return units >= least && units <= toUnits(limits.largestQuantity, limits.quantityDecimals);
}

/** How often the marketplace bills an instance; decides the deadlines of its hourly records. */
export const BILLING_CYCLES = ["hourly", "daily"] as const;
export type BillingCycle = (typeof BILLING_CYCLES)[number];

/** When records of an hour are on time, late, overdue, and no longer accepted (koogallery.md 2.1). */
export interface WindowRule {
  /** After the end of the cycle: on time until `window`, late until `late`. */
  hourly: { window: Micros; late: Micros };
  /** Absent if no instance is billed by the day. */
  daily?: { window: Micros; late: Micros } | undefined;
  /** A record is refused `after` its own begin, or `after` the end of its billing cycle. */
  expiry: { from: "begin" | "cycle_end"; after: Micros };
  /** How long after the end of the marketplace's month its records are still accepted. */
  afterMonth?: Micros | undefined;
  /** How long after an instance was closed its records are still accepted. */
  afterClose?: Micros | undefined;
}

/** The three deadlines of one record. */
export interface Deadlines {
  windowEnds: Micros;
  lateEnds: Micros;
  expires: Micros;
}

export type Phase = "open" | "window" | "late" | "overdue" | "expired";

/** The facts about a record that decide its deadlines. */
export interface DatedRecord {
  /** By how much the day and month of its account are ahead of UTC: daily cycles end at that midnight. */
  dayOffset: Micros;
  cycle: BillingCycle;
  /** The hour that bills it. */
  hour: Micros;
  begin: Micros;
  /** When its instance was closed, if it was. */
  closed?: Micros | null | undefined;
}

/** The deadlines of a record: none lies after it has expired. */
export function deadlinesOf(
  rule: WindowRule,
  { dayOffset, cycle, hour, begin, closed }: DatedRecord,
): Deadlines {
  const own = cycle === "daily" ? rule.daily : undefined;
  const cycleEnd = own === undefined ? hour + HOUR : dayOf({ dayOffset }, hour) + DAY;
  const { window, late } = own ?? rule.hourly;
  const expires = Math.min(
    (rule.expiry.from === "begin" ? begin : cycleEnd) + rule.expiry.after,
    rule.afterMonth === undefined ? Infinity : monthEnd(dayOffset, begin) + rule.afterMonth,
    rule.afterClose === undefined || closed == null ? Infinity : closed + rule.afterClose,
  );
  return {
    windowEnds: Math.min(cycleEnd + window, expires),
    lateEnds: Math.min(cycleEnd + late, expires),
    expires,
  };
}

/**
 * The oldest begin of a record that the marketplace still accepts at `now`.
 * @param of the account's day and month, as for {@link deadlinesOf}, and when the instance was closed
 * @returns Infinity if the marketplace accepts no more records of the instance
 */
export function oldestBegin(
  rule: WindowRule,
  now: Micros,
  { dayOffset, closed }: Pick<DatedRecord, "dayOffset" | "closed">,
): Micros {
  if (rule.afterClose !== undefined && closed != null && now >= closed + rule.afterClose) return Infinity;
  const { from, after } = rule.expiry;
  const step = from === "begin" ? SECOND : HOUR;
  // A record expires as soon as its deadline is reached, and its begin is in whole seconds.
  const byAge = Math.floor((now - after) / step) * step + (from === "begin" ? SECOND : 0);
  if (rule.afterMonth === undefined) return byAge;
  const month = monthEnd(dayOffset, now, -1);
  return Math.max(byAge, now >= month + rule.afterMonth ? month : -Infinity);
}

/** The begin of an account's day. @param dayOffset of its day from UTC */
export function dayOf({ dayOffset }: { dayOffset: Micros }, at: Micros): Micros {
  return Math.floor((at + dayOffset) / DAY) * DAY - dayOffset;
}

/** The end of the marketplace's month that contains an instant, or of the month `later` months after it. */
function monthEnd(dayOffset: Micros, at: Micros, later = 0): Micros {
  const there = new Date((at + dayOffset) / 1_000);
  return Date.UTC(there.getUTCFullYear(), there.getUTCMonth() + 1 + later) * 1_000 - dayOffset;
}

/** The phase of an instant relative to a record's deadlines; `open` is before the hour has ended. */
export function phaseAt(deadlines: Deadlines, hour: Micros, now: Micros): Phase {
  if (now < hour + HOUR) return "open";
  if (now >= deadlines.expires) return "expired";
  if (now < deadlines.windowEnds) return "window";
  return now < deadlines.lateEnds ? "late" : "overdue";
}

/** When an hour is sealed: after `grace` if every collector and source was heard, else at `latest` (SPEC 8). */
export interface SealRule {
  grace: Micros;
  latest: Micros;
}

export const SEAL_RULE: SealRule = { grace: 2 * MINUTE, latest: 8 * MINUTE };

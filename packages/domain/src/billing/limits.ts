import { isDecimal, scaleOf, toUnits } from "../quantity.js";
import { DAY, HOUR, MINUTE, SECOND, type Micros } from "../time.js";

/** What a marketplace allows in one record and one call; data of its adapter, never constants of ours. */
export interface RecordLimits {
  /** Records one call may carry. */
  recordsPerCall: number;
  /** Decimals a quantity may have; what is smaller stays behind as residue. */
  quantityDecimals: number;
  /** Decimal text: what is above it goes out in parts, or waits for the next hour where there are none. */
  largestQuantity: string;
  /** Records that one instance may have in one hour. */
  partsPerHour: 1 | "many";
  /** A record that would be shorter is not made: its usage waits for the next hour. */
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

/** How often the marketplace bills an instance: it sets the deadlines of its hourly records. */
export const BILLING_CYCLES = ["hourly", "daily"] as const;
export type BillingCycle = (typeof BILLING_CYCLES)[number];

/** When records of an hour are on time, late, overdue, and no longer taken (koogallery.md 2.1). */
export interface WindowRule {
  /** Offset of the marketplace's day from UTC: daily cycles end at its midnight. */
  dayOffset: Micros;
  /** After the end of the cycle: on time until `window`, late until `late`. */
  hourly: { window: Micros; late: Micros };
  /** Absent where no instance is billed by the day. */
  daily?: { window: Micros; late: Micros } | undefined;
  /** When a record is refused: so long after its own begin, or after the end of its billing cycle. */
  expiry: { from: "begin" | "cycle_end"; after: Micros };
  /** So long after the end of the marketplace's month, nothing of that month is taken any more. */
  afterMonth?: Micros | undefined;
  /** So long after an instance was closed, nothing of it is taken any more. */
  afterClose?: Micros | undefined;
}

/** The three deadlines of one record. */
export interface Deadlines {
  windowEnds: Micros;
  lateEnds: Micros;
  expires: Micros;
}

export type Phase = "open" | "window" | "late" | "overdue" | "expired";

/** The record that deadlines are asked for. */
export interface DatedRecord {
  cycle: BillingCycle;
  /** The hour that bills it. */
  hour: Micros;
  begin: Micros;
  /** When its instance was closed. */
  closed?: Micros | null | undefined;
}

/** The deadlines of a record: none lies after it has expired. */
export function deadlinesOf(rule: WindowRule, { cycle, hour, begin, closed }: DatedRecord): Deadlines {
  const own = cycle === "daily" ? rule.daily : undefined;
  const cycleEnd = own === undefined ? hour + HOUR : dayOf(rule, hour) + DAY;
  const { window, late } = own ?? rule.hourly;
  const expires = Math.min(
    (rule.expiry.from === "begin" ? begin : cycleEnd) + rule.expiry.after,
    rule.afterMonth === undefined ? Infinity : monthEnd(rule, begin) + rule.afterMonth,
    rule.afterClose === undefined || closed == null ? Infinity : closed + rule.afterClose,
  );
  return {
    windowEnds: Math.min(cycleEnd + window, expires),
    lateEnds: Math.min(cycleEnd + late, expires),
    expires,
  };
}

/**
 * The oldest begin of a record that the marketplace still takes at `now`.
 * @param closed of its instance
 * @returns Infinity where it takes nothing of the instance any more
 */
export function oldestBegin(rule: WindowRule, now: Micros, closed?: Micros | null): Micros {
  if (rule.afterClose !== undefined && closed != null && now >= closed + rule.afterClose) return Infinity;
  const { from, after } = rule.expiry;
  const step = from === "begin" ? SECOND : HOUR;
  // A record expires when its deadline is reached, and begins in whole seconds.
  const byAge = Math.floor((now - after) / step) * step + (from === "begin" ? SECOND : 0);
  if (rule.afterMonth === undefined) return byAge;
  const month = monthEnd(rule, now, -1);
  return Math.max(byAge, now >= month + rule.afterMonth ? month : -Infinity);
}

function dayOf({ dayOffset }: WindowRule, at: Micros): Micros {
  return Math.floor((at + dayOffset) / DAY) * DAY - dayOffset;
}

/** The end of the marketplace's month of an instant, or of one so many months later. */
function monthEnd({ dayOffset }: WindowRule, at: Micros, later = 0): Micros {
  const there = new Date((at + dayOffset) / 1_000);
  return Date.UTC(there.getUTCFullYear(), there.getUTCMonth() + 1 + later) * 1_000 - dayOffset;
}

/** Where an instant stands against a record's deadlines. `open` is before the hour has ended. */
export function phaseAt(deadlines: Deadlines, hour: Micros, now: Micros): Phase {
  if (now < hour + HOUR) return "open";
  if (now >= deadlines.expires) return "expired";
  if (now < deadlines.windowEnds) return "window";
  return now < deadlines.lateEnds ? "late" : "overdue";
}

/** When an hour is sealed: after `grace` if all was heard, at `latest` whatever is missing (SPEC 8). */
export interface SealRule {
  grace: Micros;
  latest: Micros;
}

export const SEAL_RULE: SealRule = { grace: 2 * MINUTE, latest: 8 * MINUTE };

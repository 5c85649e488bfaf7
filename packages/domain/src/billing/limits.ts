import { DAY, HOUR, MINUTE, type Micros } from "../time.js";

/** What a marketplace allows in one record and one call; data of its adapter, never constants of ours. */
export interface RecordLimits {
  /** Records one call may carry. */
  recordsPerCall: number;
  /** Decimals a quantity may have; what is smaller stays behind as residue. */
  quantityDecimals: number;
  /** Digits before the decimal point; a larger quantity goes out in parts. */
  quantityIntegerDigits: number;
  serialNumberChars: number;
  instanceIdChars: number;
  /** Wire bytes of one call. */
  callBytes: number;
}

/** How often the marketplace bills an instance: it sets the deadlines of its hourly records. */
export type BillingCycle = "hourly" | "daily";

/** When records of an hour are on time, late, overdue, and no longer taken (koogallery.md 2.1). */
export interface WindowRule {
  /** Offset of the marketplace's day from UTC: daily cycles end at its midnight. */
  dayOffset: Micros;
  /** After the end of the cycle: on time until `window`, late until `late`. */
  hourly: { window: Micros; late: Micros };
  daily: { window: Micros; late: Micros };
  /** Age of a record's begin at which it is refused. */
  expiry: Micros;
}

/** The three deadlines of one record. */
export interface Deadlines {
  windowEnds: Micros;
  lateEnds: Micros;
  expires: Micros;
}

export type Phase = "open" | "window" | "late" | "overdue" | "expired";

/** The deadlines of a record that begins at `begin` and is billed in the hour that starts at `hour`. */
export function deadlinesOf(rule: WindowRule, cycle: BillingCycle, hour: Micros, begin: Micros): Deadlines {
  const cycleEnd =
    cycle === "hourly" ? hour + HOUR : Math.floor((hour + rule.dayOffset) / DAY) * DAY + DAY - rule.dayOffset;
  return {
    windowEnds: cycleEnd + rule[cycle].window,
    lateEnds: cycleEnd + rule[cycle].late,
    expires: begin + rule.expiry,
  };
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

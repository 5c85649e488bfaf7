import { DAY, HOUR, MINUTE } from "./time.js";

export type Cycle = "hourly" | "daily";

const HOURLY_OFFSET = 15 * MINUTE;
const DAILY_OFFSET = 17 * HOUR; // 01:00 in Beijing, which is UTC+8 without summer time

/**
 * The first collection strictly after an instant (milliseconds): minute 15 of each hour for hourly billing, 01:00
 * Beijing time for daily billing (specification 2.1, rule 5). A record received exactly then waits for the next one.
 */
export function nextCollection(after: number, cycle: Cycle): number {
  const [period, offset] = cycle === "hourly" ? [HOUR, HOURLY_OFFSET] : [DAY, DAILY_OFFSET];
  return Math.floor((after - offset) / period) * period + period + offset;
}

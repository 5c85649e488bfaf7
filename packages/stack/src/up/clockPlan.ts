import { formatInstant, HOUR, hourOf, MINUTE, SECOND, type Micros } from "@quarterpast/domain";
import type { ClockAnchor } from "@quarterpast/store";
import { StackError } from "../errors.js";

/** How product time continues from the ready line: as real time, or from `start` at `rate`. */
export type ClockPlan = { kind: "real" } | { kind: "simulated"; start: Micros; rate: number };

/** What was asked for. */
export interface ClockWish {
  start: Micros | undefined;
  rate: number | undefined;
  /** A sample gets a fast clock, starting shortly before a full hour if nothing prevents it. */
  sample: boolean;
}

/** The clock stored in the data directory. */
export interface KeptClock extends ClockAnchor {
  /** Whether all hours before this time are sealed and none of their records are owed to the marketplace. */
  isSettledAt: (at: Micros) => boolean;
}

/** Rate of a sample: an hour takes 20 s, its window of 15 minutes 5 s. */
export const SAMPLE_RATE = 180;

/** `up` beats every second; a kill may hide up to this much real time during which product time was shown. */
const BEAT_SLACK: Micros = 5 * SECOND;

/**
 * Decides where product time starts (SPEC 11): it never goes back, and a data directory continues as it began.
 * @param anchor the clock row of the data directory; undefined for a new one.
 * @param now real time of the database.
 * @throws StackError `usage` if the request does not fit the data directory.
 */
export function planClock(anchor: KeptClock | undefined, wish: ClockWish, now: Micros): ClockPlan {
  if (!anchor) return firstPlan(wish, now);
  return runsInRealTime(anchor) ? goOnInRealTime(anchor, wish, now) : goOnSimulated(anchor, wish, now);
}

/** Whether, according to the clock row, product time is real time. */
export function runsInRealTime({ realAnchor, productAnchor, rate }: ClockAnchor): boolean {
  return rate === 1 && realAnchor === productAnchor;
}

function firstPlan({ start, rate, sample }: ClockWish, now: Micros): ClockPlan {
  if (sample)
    return { kind: "simulated", start: start ?? lateInHour(hourOf(now) - HOUR), rate: rate ?? SAMPLE_RATE };
  if (start === undefined && rate === undefined) return { kind: "real" };
  return { kind: "simulated", start: start ?? now, rate: rate ?? 1 };
}

/** Ten minutes before the end of an hour, so that a sample starting then soon has its first bill records. */
function lateInHour(hour: Micros): Micros {
  return hour + 50 * MINUTE;
}

function goOnInRealTime(anchor: ClockAnchor, { start, rate, sample }: ClockWish, now: Micros): ClockPlan {
  if (sample) {
    throw refusal(
      "this data directory runs in real time, the sample needs a clock of its own: choose another --data-dir",
      "此数据目录按真实时间运行，而示例需要自己的时钟：请用 --data-dir 换一个目录",
    );
  }
  if (start !== undefined || rate !== undefined) {
    throw refusal(
      "this data directory runs in real time and keeps doing so: leave out --clock-start and --clock-rate, or choose another --data-dir",
      "此数据目录按真实时间运行，只能继续如此：请去掉 --clock-start 和 --clock-rate，或用 --data-dir 换一个目录",
    );
  }
  if (now < anchor.beatProduct) {
    const [shown, reached] = [formatInstant(now), formatInstant(anchor.beatProduct)];
    throw refusal(
      `this machine's clock says ${shown}, but the data directory has reached ${reached}: set the clock right`,
      `本机时钟为 ${shown}，但数据目录已运行到 ${reached}：请校准时钟`,
    );
  }
  return { kind: "real" };
}

function goOnSimulated(anchor: KeptClock, wish: ClockWish, now: Micros): ClockPlan {
  const reached = reachedBy(anchor, now);
  if (wish.start !== undefined && wish.start < reached) {
    const [asked, point] = [formatInstant(wish.start), formatInstant(reached)];
    throw refusal(
      `--clock-start ${asked} is earlier than ${point}, which this data directory has reached: leave it out to go on, or choose another --data-dir`,
      `--clock-start ${asked} 早于此数据目录已到达的时间 ${point}：去掉该选项即可继续，或用 --data-dir 换一个目录`,
    );
  }
  const next =
    wish.sample && anchor.isSettledAt(reached) ? Math.max(reached, lateInHour(hourOf(reached))) : reached;
  return { kind: "simulated", start: wish.start ?? next, rate: wish.rate ?? anchor.rate };
}

function reachedBy({ realAnchor, productAnchor, rate, beatProduct }: ClockAnchor, now: Micros): Micros {
  const line = Math.floor(productAnchor + Math.max(0, now - realAnchor) * rate);
  return Math.max(beatProduct, Math.min(line, Math.floor(beatProduct + BEAT_SLACK * rate)));
}

function refusal(en: string, zh: string): StackError {
  return new StackError("usage", { en, zh });
}

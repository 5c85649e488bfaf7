import { DAY, HOUR, hourOf, SECOND, type Micros } from "../time.js";

/** `[from, to)`: the begins that a statement or a bill covers. */
export interface Period {
  from: Micros;
  to: Micros;
}

/**
 * The whole hours from the first begin to the last: the period that a list covers if it does not name one. Undefined
 * if there are no begins.
 */
export function hoursOf(begins: readonly Micros[]): Period | undefined {
  if (begins.length === 0) return undefined;
  let [first, last] = [Infinity, -Infinity];
  for (const begin of begins) {
    first = Math.min(first, begin);
    last = Math.max(last, begin);
  }
  return { from: hourOf(first), to: hourOf(last) + HOUR };
}

/** A month (`YYYY-MM…`) in days of the marketplace. @param dayOffset how far its day is ahead of UTC. */
export function monthPeriod(month: string, dayOffset: Micros): Period {
  const [year, number] = month.split("-").map(Number) as [number, number];
  const [from, to] = [0, 1].map((ahead) => Date.UTC(year, number - 1 + ahead) * 1_000 - dayOffset);
  return { from: from!, to: to! };
}

/** What a bill's line says about the time of its usage. */
export interface BilledTime {
  /** Months (`YYYY-MM…`) of the bill and of the usage. */
  month: string;
  usageMonth: string;
  refund: boolean;
  begin: Micros | null;
  end: Micros | null;
  /** Serial number, if the line is one record. */
  sn: string | null;
}

/**
 * The period that a bill covers if it does not name one. If every line has a time: the whole hours from the first to
 * the last (days, if all begin with the marketplace's day); otherwise whole months. Refunds and usage of an earlier
 * month are ignored.
 */
export function billPeriod(lines: readonly BilledTime[], dayOffset: Micros): Period | undefined {
  const own = lines.filter(({ refund, month, usageMonth }) => !refund && month === usageMonth);
  if (own.length === 0) return undefined;
  const begins = own.flatMap(({ begin }) => (begin === null ? [] : [begin]));
  const isMonthly = own.every(
    ({ begin, end, sn, month }) =>
      end === null && sn === null && begin === monthPeriod(month, dayOffset).from,
  );
  if (begins.length < own.length || isMonthly) {
    const months = own.map(({ month }) => month).sort();
    return {
      from: monthPeriod(months[0]!, dayOffset).from,
      to: monthPeriod(months.at(-1)!, dayOffset).to,
    };
  }
  const isDaily = begins.every((begin) => (begin + dayOffset) % DAY === 0);
  const hours = hoursOf(begins)!;
  const ends = own.map(({ begin, end }) => end ?? begin! + (isDaily ? DAY : 0));
  const last = ends.reduce((most, end) => Math.max(most, end), hours.to);
  // `23:59:59` names the end of its day just as `00:00:00` does.
  return { from: hours.from, to: hourOf(last + HOUR - SECOND) };
}

import { formatInstant, HOUR, MINUTE, monthPeriod, parseInstant, type Micros } from "@quarterpast/domain";
import type { ApiClient } from "@quarterpast/contract";
import { theAccount } from "../command.js";
import { CliError, EXIT } from "../exit.js";
import { say } from "../lang.js";

/** Hours from `from` up to, not including, `to`, in the form of the api's query. */
export interface Span {
  from: string;
  to: string;
  /** For file names: `2026-03`, or the hour. */
  name: string;
}

export interface SpanFlags {
  hour?: string;
  month?: string;
}

/** The help of `--month`: months are those of the marketplace everywhere. */
export const monthHelp = (): string =>
  say({ en: "the hours of this month, in days of the marketplace", zh: "按云市场的日期，该月份的各小时" });

/**
 * Reads `--hour` or `--month`; undefined if neither was given.
 * @param dayOffset how far the marketplace's day is ahead of UTC; needed only for a month
 */
export async function readSpan(
  { hour, month }: SpanFlags,
  dayOffset: () => Promise<Micros>,
): Promise<Span | undefined> {
  if (hour !== undefined && month !== undefined) throw wrong("--hour", hour, "--month");
  if (hour !== undefined) {
    const at = parseInstant(hour);
    if (at === undefined || at % HOUR !== 0) throw wrong("--hour", hour, "2026-03-01T10:00:00Z");
    return { from: formatInstant(at), to: formatInstant(at + HOUR), name: hour.replace(/[-:]/g, "") };
  }
  if (month === undefined) return undefined;
  if (!/^20\d\d-(0[1-9]|1[0-2])$/.test(month)) throw wrong("--month", month, "2026-03");
  const { from, to } = monthPeriod(month, await dayOffset());
  return { from: formatInstant(from), to: formatInstant(to), name: month };
}

/** Asks a stack where the day of the account's marketplace begins. */
export const dayOffsetOf = (api: ApiClient) => async (): Promise<Micros> =>
  (await theAccount(api)).dayOffsetMinutes * MINUTE;

/** Reads `--day-offset`, because an archive does not say when the marketplace's day begins. */
export const writtenDayOffset = (written: string | undefined) => async (): Promise<Micros> => {
  const [, sign, hours] = /^([+-])(0\d|1[0-4]):00$/.exec(written ?? "") ?? [];
  if (hours !== undefined) return (sign === "-" ? -1 : 1) * Number(hours) * HOUR;
  throw new CliError(EXIT.usage, {
    en: `--day-offset ${JSON.stringify(written ?? "")}: an archive does not say where the marketplace's day begins; for a month of it give e.g. --day-offset +08:00`,
    zh: `--day-offset ${JSON.stringify(written ?? "")}：归档中没有云市场日期的起点；按月核验归档时请给出，例如 --day-offset +08:00`,
  });
};

function wrong(option: string, value: string, right: string): CliError {
  const text = {
    en: `${option} ${JSON.stringify(value)}: give a UTC hour or a month such as ${right}, and only one of the two`,
    zh: `${option} ${JSON.stringify(value)}：请给出 UTC 整点或月份，例如 ${right}，且二者只能选一`,
  };
  return new CliError(EXIT.usage, text);
}

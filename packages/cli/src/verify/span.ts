import { formatInstant, HOUR, parseInstant } from "@quarterpast/domain";
import { CliError, EXIT } from "../exit.js";

/** Hours from `from` until before `to`, as the api is asked. */
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

/** Reads `--hour` or `--month`; undefined where neither was given. A month is one of UTC. */
export function readSpan({ hour, month }: SpanFlags): Span | undefined {
  if (hour !== undefined && month !== undefined) throw wrong("--hour", hour, "--month");
  if (hour !== undefined) {
    const at = parseInstant(hour);
    if (at === undefined || at % HOUR !== 0) throw wrong("--hour", hour, "2026-03-01T10:00:00Z");
    return { from: formatInstant(at), to: formatInstant(at + HOUR), name: hour.replace(/[-:]/g, "") };
  }
  if (month === undefined) return undefined;
  const [, year, number] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(month) ?? [];
  if (number === undefined) throw wrong("--month", month, "2026-03");
  const [from, to] = [Date.UTC(+year!, +number - 1), Date.UTC(+year!, +number)].map((ms) =>
    formatInstant(ms * 1_000),
  );
  return { from: from!, to: to!, name: month };
}

function wrong(option: string, value: string, right: string): CliError {
  const text = {
    en: `${option} ${JSON.stringify(value)}: give a UTC hour or month such as ${right}, and only one of the two`,
    zh: `${option} ${JSON.stringify(value)}：请给出 UTC 整点或月份，例如 ${right}，且二者只能选一`,
  };
  return new CliError(EXIT.usage, text);
}

import { monthPeriod, type Micros, type Period } from "@quarterpast/domain";
import type { Account } from "@quarterpast/store";
import { iso } from "./present.js";
import { refusal } from "./refuse.js";

/**
 * The period that a request says a file covers, `from` up to, not including, `to`; undefined if it does not say.
 * @throws if only one of the two is given, or they are in the wrong order.
 */
export function toldPeriod({
  from,
  to,
}: {
  from?: Micros | undefined;
  to?: Micros | undefined;
}): Period | undefined {
  if (from === undefined && to === undefined) return undefined;
  if (from !== undefined && to !== undefined && from < to) return { from, to };
  throw refusal("field_invalid", {
    en: "from and to: give both, the begin of the first hour and the end of the last, e.g. from 2026-03-01T00:00:00Z to 2026-03-02T00:00:00Z",
    zh: "from 与 to：需同时给出首个小时的开始与最后一个小时的结束，例如 from 2026-03-01T00:00:00Z to 2026-03-02T00:00:00Z",
  });
}

/** Refuses a list with a record outside its stated period: either the list or the period is the wrong one. */
export function refuseOutside(
  period: Period | undefined,
  lines: readonly { serialNumber: string; begin: Micros }[],
): void {
  if (!period) return;
  const outside = lines.find(({ begin }) => begin < period.from || begin >= period.to);
  if (!outside) return;
  const { serialNumber: sn, begin } = outside;
  throw refusal("field_invalid", {
    en: `Record ${sn} begins at ${iso(begin)}, outside of ${iso(period.from)} to ${iso(period.to)} that the file is said to cover: give the right period (--from, --to, --month), or the right file`,
    zh: `话单 ${sn} 开始于 ${iso(begin)}，不在文件所述的 ${iso(period.from)} 至 ${iso(period.to)} 之内：请给出正确的期间（--from、--to、--month）或正确的文件`,
  });
}

/**
 * The hours of a request: a month in the days of the account's marketplace, or a span.
 * @throws if it gives neither, both, or a span in the wrong order
 */
export function spanOf(
  { dayOffset }: Pick<Account, "dayOffset">,
  { month, from, to }: { month?: string | undefined; from?: Micros | undefined; to?: Micros | undefined },
): Period {
  if (month !== undefined && from === undefined && to === undefined) return monthPeriod(month, dayOffset);
  if (month === undefined && from !== undefined && to !== undefined && from < to) return { from, to };
  throw refusal("field_invalid", {
    en: "month, from and to: give a month, e.g. month 2026-03, or both from and to, the begin of the first hour and the end of the last, e.g. from 2026-03-01T00:00:00Z to 2026-03-02T00:00:00Z",
    zh: "month、from 与 to：请给出月份，例如 month 2026-03；或同时给出首个小时的开始与最后一个小时的结束，例如 from 2026-03-01T00:00:00Z to 2026-03-02T00:00:00Z",
  });
}

import { DAY, monthPeriod, SECOND, type Period } from "@quarterpast/domain";
import type { Layout } from "./layout.js";
import type { Row, Table } from "./table.js";
import { readMonth, readTime, type Reading } from "./values.js";

const TIME = String.raw`\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?(?:[T ]+\d{1,2}:\d{2}(?::\d{2})?Z?)?|\d{8}T\d{6}Z`;
const SPAN = new RegExp(`(${TIME})\\s*(?:~|～|–|—|--?|to|至|到)\\s*(${TIME})`, "i");
const ONE_MONTH = /(20\d\d[-/.年]\d{1,2}月?)(?![-/.\d])/;
const HAS_CLOCK = /\d:\d{2}|T\d/;

/**
 * The period that a file says it covers, in its title above the header or in a line beginning with `#`: from and to
 * (`2026-03-01 ~ 2026-03-31`, including the last day), or one month. Read in the zone of its times.
 */
export function statedPeriod(table: Table, { headerRow }: Layout, reading: Reading): Period | undefined {
  if (table.json) return undefined;
  const comments = table.rows.filter(({ cells }) => cells[0]?.text.trimStart().startsWith("#"));
  for (const row of [...table.rows.slice(0, headerRow), ...comments]) {
    const text = textOf(row);
    const period = spanOf(text, reading) ?? monthOf(text, reading);
    if (period) return period;
  }
  return undefined;
}

const textOf = ({ cells }: Row) => cells.map((cell) => cell?.text.trim() ?? "").join(" ");
const cell = (text: string) => ({ text, isNumber: false });

function spanOf(text: string, reading: Reading): Period | undefined {
  const [, first = "", last = ""] = SPAN.exec(text) ?? [];
  const [from, to] = [first, last].map((part) => readTime(cell(part), reading));
  if (from === undefined || to === undefined || to < from) return undefined;
  if (!HAS_CLOCK.test(last)) return { from, to: to + DAY };
  // `23:59:59` is the last second of the day.
  return { from, to: (to / SECOND) % 60 === 59 ? to + SECOND : to };
}

function monthOf(text: string, reading: Reading): Period | undefined {
  const month = readMonth(cell(ONE_MONTH.exec(text)?.[1] ?? ""), reading);
  return month === undefined ? undefined : monthPeriod(month, (reading.zoneMinutes ?? 0) * 60 * SECOND);
}

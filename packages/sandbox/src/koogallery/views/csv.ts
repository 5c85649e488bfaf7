import { Readable, type Transform } from "node:stream";
import { stringify } from "csv-stringify";
import { words } from "./words.js";
import { rowOf, type Page, type SdrRow } from "./list.js";

/** The list's columns, in order. */
export const COLUMNS = [
  "metering_sn",
  "instance_id",
  "relate_pkg_instance",
  "begin_time",
  "end_time",
  "usage_value",
  "record_time",
  "received_at",
  "state",
  "error_code",
  "error_msg",
  "collected_at",
] as const satisfies (keyof SdrRow)[];

/**
 * A page as CSV (UTF-8 with byte order mark, formulas escaped), ending with the line `#total,N`, which a truncated
 * export lacks (`#more,N` if further pages follow). Headers are the field names, or words of a language.
 */
export function csvOf(page: Page, lang?: "zh" | "en"): Transform {
  const header = lang ? COLUMNS.map((column) => words[lang].columns[column]) : [...COLUMNS];
  const lines = function* () {
    yield header;
    for (const entry of page.entries) {
      const row = rowOf(entry, lang);
      const state = lang ? words[lang].states[row.state] : row.state;
      yield COLUMNS.map((column) => (column === "state" ? state : (row[column] ?? "")));
    }
    const tail = [page.complete ? "#total" : "#more", String(page.total)];
    yield COLUMNS.map((_, index) => tail[index] ?? "");
  };
  return Readable.from(lines()).pipe(
    stringify({ bom: true, escape_formulas: true, record_delimiter: "\r\n" }),
  );
}

/** A page as NDJSON: a line per record, then `{"total":N,"complete":…,"nextCursor":…}`. */
export function ndjsonOf({ entries, ...end }: Page): Readable {
  const lines = function* () {
    for (const entry of entries) yield `${JSON.stringify(rowOf(entry))}\n`;
    yield `${JSON.stringify(end)}\n`;
  };
  return Readable.from(lines());
}

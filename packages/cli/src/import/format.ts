import { readCsv } from "./csv.js";
import { readCloudEvents, readNdjson } from "./json.js";
import type { SourceRow } from "./rows.js";
import type { InputFile } from "./text.js";

export const FORMATS = ["csv", "ndjson", "cloudevents"] as const;
export type Format = (typeof FORMATS)[number];

/** The format of a file: the one asked for, else by its name; without a mapping, JSON can only be CloudEvents. */
export function formatOf(name: string, asked: Format | undefined, hasMapping: boolean): Format {
  if (asked) return asked;
  const isJson = /\.(ndjson|jsonl|json)$/i.test(name);
  if (!isJson) return "csv";
  return hasMapping ? "ndjson" : "cloudevents";
}

/** Reads the rows of a file. @param needed the columns the mapping reads. */
export function readRows(
  file: InputFile,
  format: Format,
  needed: readonly string[],
): AsyncIterable<SourceRow> {
  switch (format) {
    case "csv":
      return readCsv(file, needed);
    case "ndjson":
      return readNdjson(file, needed);
    case "cloudevents":
      return readCloudEvents(file);
  }
}

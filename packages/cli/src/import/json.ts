import { requireColumns } from "./columns.js";
import { splitArray, splitLines, type Piece } from "./jsonText.js";
import type { Cell, RowProblem, SourceRow } from "./rows.js";
import { readText, type InputFile } from "./text.js";

type Fields = Record<string, unknown>;

/**
 * Reads a file of one JSON object a line; its columns are the fields of the first, or paths into it with dots.
 * @throws CliError 2 where a needed column is not in the first object.
 */
export async function* readNdjson(file: InputFile, needed: readonly string[]): AsyncGenerator<SourceRow> {
  let isFirst = true;
  for await (const piece of splitLines(readText(file), file)) {
    const fields = toObject(piece.text);
    if (fields && isFirst) {
      const present = needed.filter((column) => valueAt(fields, column) !== undefined);
      const names = Object.keys(fields);
      requireColumns(file, [...names, ...present.filter((column) => !names.includes(column))], needed);
      isFirst = false;
    }
    yield row(piece, fields && { cell: (column: string) => toCell(valueAt(fields, column)) });
  }
}

/** Reads CloudEvents as they are: one a line, or a JSON array of them. */
export async function* readCloudEvents(file: InputFile): AsyncGenerator<SourceRow> {
  const chunks = readText(file);
  const head = await chunks.next();
  const first = (head.value as string | undefined) ?? "";
  const whole = prepend(first, chunks);
  const isArray = /^\s*\[/.test(first);
  for await (const piece of isArray ? splitArray(whole, file) : splitLines(whole, file)) {
    const event = toObject(piece.text);
    yield row(piece, event && { event });
  }
}

async function* prepend(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

function row({ line, bytes }: Piece, content: SourceRow["content"] | undefined): SourceRow {
  return { line, bytes, content: content ?? { problem: noObject } };
}

const noObject: RowProblem = {
  code: "malformed_json",
  text: { en: "is no JSON object", zh: "不是 JSON 对象" },
};

function toObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A field of this very name, else the value at the end of a path with dots. */
function valueAt(fields: Fields, column: string): unknown {
  if (Object.hasOwn(fields, column)) return fields[column];
  return column.split(".").reduce<unknown>((at, name) => {
    const isObject = typeof at === "object" && at !== null && Object.hasOwn(at, name);
    return isObject ? (at as Fields)[name] : undefined;
  }, fields);
}

function toCell(value: unknown): Cell {
  if (typeof value === "string" || typeof value === "number") return value;
  return typeof value === "boolean" ? String(value) : undefined;
}

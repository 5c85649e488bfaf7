import { readJson } from "@quarterpast/domain";
import { splitArray, splitLines, type Piece } from "./jsonText.js";
import { requireColumns, type Cell, type SourceRow } from "./rows.js";
import { readText, type InputFile } from "./text.js";

type Fields = Record<string, unknown>;

/**
 * Reads a file with one JSON object per line; its columns are the fields of the first object, or dotted paths into
 * it.
 * @throws CliError 2 if a needed column is not in the first object.
 */
export async function* readNdjson(file: InputFile, needed: readonly string[]): AsyncGenerator<SourceRow> {
  let isFirst = true;
  for await (const piece of splitLines(readText(file), file)) {
    const content = contentOf(piece, (fields) => {
      if (isFirst) requireFields(file, fields, needed);
      isFirst = false;
      return { cell: (column: string) => toCell(valueAt(fields, column)) };
    });
    yield { line: piece.line, bytes: piece.bytes, content };
  }
}

/** Reads CloudEvents unchanged: one per line, or a JSON array of them. */
export async function* readCloudEvents(file: InputFile): AsyncGenerator<SourceRow> {
  const chunks = readText(file);
  const head = await chunks.next();
  const first = (head.value as string | undefined) ?? "";
  const whole = prepend(first, chunks);
  const isArray = /^\s*\[/.test(first);
  for await (const piece of isArray ? splitArray(whole, file) : splitLines(whole, file)) {
    const { line, bytes } = piece;
    yield { line, bytes, content: contentOf(piece, (event) => ({ event })) };
  }
}

async function* prepend(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

/** The content of a piece of JSON, or why it is not an object. */
function contentOf({ text }: Piece, read: (fields: Fields) => SourceRow["content"]): SourceRow["content"] {
  const json = readJson(text);
  if (json.ok && typeof json.value === "object" && json.value !== null && !Array.isArray(json.value))
    return read(json.value as Fields);
  const [en, zh] = json.ok ? ["", ""] : [`: ${json.problem.detail}`, `：${json.zh}`];
  const told = { en: `is not a JSON object${en}`, zh: `不是 JSON 对象${zh}` };
  return { problem: { code: "malformed_json", text: told } };
}

function requireFields(file: InputFile, fields: Fields, needed: readonly string[]): void {
  const names = Object.keys(fields);
  const paths = needed.filter((column) => !names.includes(column) && valueAt(fields, column) !== undefined);
  requireColumns(file, [...names, ...paths], needed);
}

/** A field of exactly this name, else the value at the end of a dotted path. */
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

import { readJson } from "@quarterpast/domain";

/** The value of a JSON text; undefined if it is invalid, or nests deeper than allowed for JSON from outside. */
export function parseJson(text: string): unknown {
  const read = readJson(text);
  return read.ok ? read.value : undefined;
}

/** Whether a value is a JSON object (no list, no null). */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

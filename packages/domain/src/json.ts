import type { Problem } from "./errors.js";
import type { Text } from "./text.js";

// Our own code, not a library: most of a collector's time goes into parsing and JSON.parse is the fastest parser
// there is, so what it does not report (doubled keys, depth) is counted separately.

/** Levels that JSON from outside may nest, counting the outermost array or object as 1; a reader may allow fewer. */
export const JSON_DEPTH_MAX = 32;

/** A value read from JSON, or why it was not read; `zh` is the problem's detail in Chinese. */
export type ReadJson = { ok: true; value: unknown } | { ok: false; problem: Problem; zh: string };

/**
 * Reads JSON from outside. JSON.parse and this check do not recurse without a bound, but much else does
 * (JSON.stringify, Postgres), so deeper values are refused here. Of two equal keys the last one wins: see {@link
 * parseStrict}.
 */
export function readJson(text: string, maxDepth = JSON_DEPTH_MAX): ReadJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return malformed((error as Error).message, (error as Error).message);
  }
  return isNestedDeeper(value, maxDepth) ? tooDeep(maxDepth) : { ok: true, value };
}

/**
 * Reads JSON strictly: no key twice in one object, no nesting deeper than `maxDepth`. JSON.parse keeps the last of two
 * equal keys, so the keys it kept are counted against those in the text.
 */
export function parseStrict(text: string, maxDepth = JSON_DEPTH_MAX): ReadJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return malformed((error as Error).message, (error as Error).message);
  }
  const counts: Counts = { keys: 0, strings: 0 };
  if (!countIn(value, maxDepth, counts)) return tooDeep(maxDepth);
  const { keys, strings } = counts;
  // Without escapes each string has two quotes: if the value has as many strings, no key was lost.
  const isWhole = !text.includes("\\") && countQuotes(text) === 2 * (keys + strings);
  if (isWhole || keys === countKeysInText(text)) return { ok: true, value };
  const key = JSON.stringify(firstDuplicate(text).slice(0, 80));
  const detail = `the key ${key} appears twice in one object`;
  return { ok: false, problem: { code: "duplicate_key", detail }, zh: `同一对象中键 ${key} 重复` };
}

/**
 * {@link parseStrict} for usage: a number under `key` that JSON.parse would round, or that has an exponent, comes as its
 * own digits, a text.
 */
export function parseExact(text: string, key: string, maxDepth = JSON_DEPTH_MAX): ReadJson {
  const parsed = parseStrict(text, maxDepth);
  if (!parsed.ok || !hasNumber(text, key) || !INEXACT.test(text)) return parsed;
  const marked = JSON.parse(text.replace(TOKENS_AND_NUMBERS, markInexact)) as unknown;
  return { ok: true, value: unmark(marked, "", key) };
}

/** Whether a value of this key may be a number: nearly all senders write texts, which need no further look. */
function hasNumber(text: string, key: string): boolean {
  if (text.includes("\\u")) return true;
  const quoted = `"${key}"`;
  for (let at = text.indexOf(quoted); at !== -1; at = text.indexOf(quoted, at + 1)) {
    const colon = skipBlanks(text, at + quoted.length);
    if (text[colon] === ":" && text[skipBlanks(text, colon + 1)] !== '"') return true;
  }
  return false;
}

/** After a colon, comma or bracket: more digits than a double surely holds, or an exponent. */
const INEXACT = /[:[,]\s*-?(?:\d+(?:\.\d+)?[eE]|[\d.]{16})/;
const TOKENS_AND_NUMBERS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** No text of a usage event may begin with it: texts with control characters are refused. */
const MARK = "\u0000#";

function markInexact(token: string): string {
  if (token.startsWith('"')) return token;
  const isInexact = /[eE]/.test(token) || token.replace(/^-?0*\.?0*|\./g, "").length > 15;
  return isInexact ? JSON.stringify(MARK + token) : token;
}

function unmark(value: unknown, name: string, key: string): unknown {
  if (typeof value === "string" && value.startsWith(MARK)) {
    const digits = value.slice(MARK.length);
    return name === key ? digits : Number(digits);
  }
  if (typeof value !== "object" || value === null) return value;
  for (const [inner, inside] of Object.entries(value)) {
    const exact = unmark(inside, inner, key);
    if (exact !== inside)
      Object.defineProperty(value, inner, { value: exact, enumerable: true, writable: true });
  }
  return value;
}

/** Whether a value read from JSON nests deeper than `maxDepth`; does not look any deeper. */
export function isNestedDeeper(value: unknown, maxDepth = JSON_DEPTH_MAX): boolean {
  return !countIn(value, maxDepth, { keys: 0, strings: 0 });
}

/** The message that a value nests too deep, with the limit. */
export function nestedTooDeep(maxDepth = JSON_DEPTH_MAX): Text {
  return { en: `nested deeper than ${maxDepth} levels`, zh: `嵌套超过 ${maxDepth} 层` };
}

/** JSON text of a value for a person or a log; for a value that nests too deep, the message that it does. */
export function showJson(value: unknown): string {
  return isNestedDeeper(value) ? `(${nestedTooDeep().en})` : (JSON.stringify(value) ?? String(value));
}

function tooDeep(maxDepth: number): ReadJson {
  const { en, zh } = nestedTooDeep(maxDepth);
  return malformed(en, zh);
}

function malformed(detail: string, zh: string): ReadJson {
  return { ok: false, problem: { code: "malformed_json", detail }, zh };
}

interface Counts {
  keys: number;
  /** Values that are strings. */
  strings: number;
}

/** Counts the keys and strings of the whole tree; false if it nests deeper than `depth`. */
function countIn(value: unknown, depth: number, counts: Counts): boolean {
  if (typeof value === "string") counts.strings += 1;
  if (typeof value !== "object" || value === null) return true;
  if (depth === 0) return false;
  if (Array.isArray(value)) return value.every((inside) => countIn(inside, depth - 1, counts));
  // A JSON value has only own keys, and reading them in place is three times as fast as listing them.
  for (const key in value) {
    counts.keys += 1;
    if (!countIn((value as Record<string, unknown>)[key], depth - 1, counts)) return false;
  }
  return true;
}

function countQuotes(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) count += 1;
  return count;
}

/** Strings followed by a colon, in text that is known to be JSON: its keys. */
function countKeysInText(text: string): number {
  let count = 0;
  for (let open = text.indexOf('"'); open !== -1;) {
    const close = endOfString(text, open);
    if (text[skipBlanks(text, close + 1)] === ":") count += 1;
    open = text.indexOf('"', close + 1);
  }
  return count;
}

/** The position of the quote that ends the string beginning at `open`. */
function endOfString(text: string, open: number): number {
  for (let close = text.indexOf('"', open + 1); ; close = text.indexOf('"', close + 1)) {
    let backslashes = 0;
    while (text[close - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return close;
  }
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at += 1;
  return at;
}

const TOKENS = /["{}]/g;

/** The first key that one object of the text names twice. */
function firstDuplicate(text: string): string {
  const open: Set<string>[] = [];
  TOKENS.lastIndex = 0;
  for (let token = TOKENS.exec(text); token; token = TOKENS.exec(text)) {
    if (token[0] === "{") open.push(new Set());
    else if (token[0] === "}") open.pop();
    else {
      const close = endOfString(text, token.index);
      TOKENS.lastIndex = close + 1;
      if (text[skipBlanks(text, close + 1)] !== ":") continue;
      const key = JSON.parse(text.slice(token.index, close + 1)) as string;
      const keys = open.at(-1)!;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return "";
}

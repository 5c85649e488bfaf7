import type { Problem } from "./errors.js";

/** A value read from JSON, or why it was not read, and the key where one is there twice. */
export type StrictJson = { ok: true; value: unknown } | { ok: false; problem: Problem; key?: string };

/**
 * Our own, because no kept reader names a doubled key at the speed of JSON.parse: it reads every event that comes in.
 * Reads JSON strictly: no key twice in one object, no nesting deeper than `maxDepth` (the outermost array or object
 * counts as 1). JSON.parse keeps the last of two equal keys, so the keys it kept are counted against those in the text.
 */
export function parseStrict(text: string, maxDepth: number): StrictJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, problem: { code: "malformed_json", detail: (error as Error).message } };
  }
  const counts: Counts = { keys: 0, strings: 0 };
  if (!countIn(value, maxDepth, counts)) {
    return {
      ok: false,
      problem: { code: "malformed_json", detail: `nested deeper than ${maxDepth} levels` },
    };
  }
  const { keys, strings } = counts;
  // Without an escape each string has two quotes: where the value kept them all, it kept every key.
  const isWhole = !text.includes("\\") && countQuotes(text) === 2 * (keys + strings);
  if (!isWhole && keys !== countKeysInText(text)) {
    const key = JSON.stringify(firstDuplicate(text).slice(0, 80));
    const problem: Problem = { code: "duplicate_key", detail: `the key ${key} is in one object twice` };
    return { ok: false, problem, key };
  }
  return { ok: true, value };
}

interface Counts {
  keys: number;
  /** Values that are strings. */
  strings: number;
}

/** Counts the keys and strings of the whole tree; false where it is nested deeper than `depth`. */
function countIn(value: unknown, depth: number, counts: Counts): boolean {
  if (typeof value === "string") counts.strings += 1;
  if (typeof value !== "object" || value === null) return true;
  if (depth === 0) return false;
  if (Array.isArray(value)) return value.every((inside) => countIn(inside, depth - 1, counts));
  // JSON has own keys alone, and reading them in place is three times as fast as listing them.
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

/** Strings followed by a colon in text that is known to be JSON: its keys. */
function countKeysInText(text: string): number {
  let count = 0;
  for (let open = text.indexOf('"'); open !== -1;) {
    const close = endOfString(text, open);
    if (text[skipBlanks(text, close + 1)] === ":") count += 1;
    open = text.indexOf('"', close + 1);
  }
  return count;
}

/** The position of the quote that ends the string which begins at `open`. */
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

import type { Problem } from "@quarterpast/domain";

const QUOTE = 0x22;

/** A value read from JSON, or why it was not read. */
export type StrictJson = { ok: true; value: unknown } | { ok: false; problem: Problem };

/**
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
  const kept = countKeys(value, maxDepth);
  if (kept === undefined) {
    return {
      ok: false,
      problem: { code: "malformed_json", detail: `nested deeper than ${maxDepth} levels` },
    };
  }
  // Without an escape each string has two quotes: where the value kept them all, it kept every key.
  const isWhole = !text.includes("\\") && countQuotes(text) === 2 * (kept + countStrings(value));
  if (!isWhole && kept !== countKeysInText(text)) {
    const key = JSON.stringify(firstDuplicate(text).slice(0, 80));
    return { ok: false, problem: { code: "duplicate_key", detail: `the key ${key} is in one object twice` } };
  }
  return { ok: true, value };
}

/** Own keys in the whole tree; undefined where it is nested deeper than `depth`. */
function countKeys(value: unknown, depth: number): number | undefined {
  if (typeof value !== "object" || value === null) return 0;
  if (depth === 0) return undefined;
  const isArray = Array.isArray(value);
  let count = 0;
  for (const key in value) {
    const inside = countKeys((value as Record<string, unknown>)[key], depth - 1);
    if (inside === undefined) return undefined;
    count += inside + (isArray ? 0 : 1);
  }
  return count;
}

function countQuotes(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) === QUOTE) count += 1;
  return count;
}

/** Strings in the whole tree, keys apart. */
function countStrings(value: unknown): number {
  if (typeof value === "string") return 1;
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  // JSON has own keys alone, and reading them in place is three times as fast as listing them.
  for (const key in value) count += countStrings((value as Record<string, unknown>)[key]);
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

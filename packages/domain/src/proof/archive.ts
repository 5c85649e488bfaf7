import { canonicalObject, RECORD_FIELDS } from "../billing/record.js";
import type { Words } from "../text.js";

/**
 * The lines of an hour's export. Each is one JSON object `{"<type>":{…}}` around a flat object of printable-ASCII
 * strings with exactly these fields, sorted (docs/proof.md).
 */
export const LINE_FIELDS = {
  event: "account id instance key meter payload_hash quantity source time value",
  origin: "events instance origin quantity",
  usage: "account aggregation events hour instance meter quantity reason root sn unbillable",
  record: RECORD_FIELDS[1],
  wire: "expires frozen_at late_ends sn version window_ends wire",
  chain: "account checksum seq shard",
  total: "kind meter product quantity records unit",
  instance: "aggregation cycle instance meter opened product scale subject unit",
  residue: "instance residue",
  correction: "applied_at delta instance key quantity said_at source target",
  shard: "frozen_at reason sealed_at shard status",
  manifest:
    "account body_sha256 chains_root events hour key_id number prev records records_root totals_root usage_root usages v",
  signature: "key_id signature",
  /** Only in lines made from a running ledger: a record whose columns differ from its canonical bytes. */
  differs: "column is sn",
} as const;

/** The fields of an event that names an account. */
const NAMING_EVENT = "account account_named id instance key meter payload_hash quantity source time value";

/**
 * How deep an hour is verified: down to its events, to what each instance used, or only to the chain of records (with
 * the totals and the manifest in each case).
 */
export const DEPTHS = ["events", "usage", "chain"] as const;
export type Depth = (typeof DEPTHS)[number];

export type LineType = keyof typeof LINE_FIELDS;
export type LineField<Type extends LineType> = Words<(typeof LINE_FIELDS)[Type]>;
export type Fields = Record<string, string>;

export interface Line {
  type: LineType;
  fields: Fields;
  /** The canonical bytes of the inner object. */
  text: string;
}

/** Wraps canonical bytes into their line, without its line end. */
export function wrapLine(type: LineType, text: string): string {
  return `{"${type}":${text}}`;
}

/** The canonical bytes of a line's fields: just those that its type has. */
export function lineText<Type extends LineType>(
  _type: Type,
  fields: Record<LineField<Type>, string>,
): string {
  return canonicalObject(fields);
}

/** A line from its fields. */
export function formatLine<Type extends LineType>(
  type: Type,
  fields: Record<LineField<Type>, string>,
): string {
  return wrapLine(type, lineText(type, fields));
}

const PRINTABLE = /^[\x20-\x7e]*$/;
const PRINTABLE_LINE = /^[\x20-\x7e]+$/;

const LINE_TYPES = Object.keys(LINE_FIELDS) as LineType[];
const LINE_STARTS = LINE_TYPES.map((type) => `{"${type}":`);

/** The fields of a record that place it in its chain and in its hour's totals. */
const PLACE_FIELDS: ReadonlySet<string> = new Set("kind meter prev product qty seq shard sn unit".split(" "));

/**
 * Reads a line. Accepts only the one canonical way to write it: sorted fields, no blanks, no other escapes.
 * @param depth with `chain`, a record may consist of only the fields that this depth looks at.
 * @returns undefined if a single byte differs.
 */
export function parseLine(line: string, depth?: Depth): Line | undefined {
  const type = LINE_TYPES.find((_, at) => line.startsWith(LINE_STARTS[at]!));
  if (type === undefined || !line.endsWith("}")) return undefined;
  const text = line.slice(type.length + 4, -1);
  const fields =
    type === "record"
      ? parseRecord(text, depth === "chain" ? PLACE_FIELDS : undefined)
      : (parseCanonical(text, LINE_FIELDS[type]) ??
        (type === "event" ? parseCanonical(text, NAMING_EVENT) : undefined));
  return fields && { type, fields, text };
}

/** Reads the canonical bytes of a record of any version; undefined if they are not canonical. */
export function parseRecord(text: string, only?: ReadonlySet<string>): Fields | undefined {
  for (const names of Object.values(RECORD_FIELDS)) {
    const fields = parseCanonical(text, names, only);
    if (fields) return fields;
  }
  return undefined;
}

/**
 * Reads a canonical object with exactly the named fields (blank-separated, sorted); undefined if the text is anything
 * else. The values may be views of `text`: copy what is kept for long.
 * @param only fields that are wanted; the others are checked but not returned.
 */
export function parseCanonical(text: string, names: string, only?: ReadonlySet<string>): Fields | undefined {
  const { pattern, kept } = patternOf(names, only);
  const match = pattern.exec(text);
  // An escape also has only one canonical form; it is rare enough for the slow path.
  if (!match) return text.includes("\\") ? parseEscaped(text, names) : undefined;
  const fields: Fields = {};
  for (let n = 0; n < kept.length; n += 1) fields[kept[n]!] = match[n + 1]!;
  return fields;
}

/** An independent copy of a printable text: keeping a view would keep a megabyte of lines alive. */
export function copyOf(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

/** The pattern of a canonical object without escapes, and the names of the values that it captures. */
interface Pattern {
  pattern: RegExp;
  kept: readonly string[];
}

const PATTERNS = new Map<ReadonlySet<string> | undefined, Map<string, Pattern>>();

function patternOf(names: string, only: ReadonlySet<string> | undefined): Pattern {
  let known = PATTERNS.get(only);
  if (!known) PATTERNS.set(only, (known = new Map()));
  let found = known.get(names);
  if (!found) known.set(names, (found = makePattern(names.split(" "), only)));
  return found;
}

function makePattern(names: readonly string[], only: ReadonlySet<string> | undefined): Pattern {
  const isKept = (name: string): boolean => only === undefined || only.has(name);
  // Printable ASCII except quote and backslash.
  const values = names.map((name) => `"${name}":"${isKept(name) ? "(" : "(?:"}[ !#-[\\]-~]*)"`);
  return { pattern: new RegExp(`^\\{${values.join(",")}\\}$`), kept: names.filter(isKept) };
}

function parseEscaped(text: string, names: string): Fields | undefined {
  let fields: Fields;
  try {
    fields = JSON.parse(text) as Fields;
  } catch {
    return undefined;
  }
  if (typeof fields !== "object" || fields === null || Object.keys(fields).join(" ") !== names)
    return undefined;
  for (const value of Object.values(fields)) {
    if (typeof value !== "string" || !PRINTABLE.test(value)) return undefined;
  }
  return JSON.stringify(fields) === text && PRINTABLE_LINE.test(text) ? fields : undefined;
}

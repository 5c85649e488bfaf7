import { canonicalObject } from "./record.js";

/**
 * The lines of an hour's export. Each is one JSON object `{"<type>":{…}}` around a flat object of printable-ASCII
 * strings with these fields, sorted (docs/proof.md).
 */
export const LINE_FIELDS = {
  event: "account id instance key meter payload_hash quantity source time value",
  origin: "events instance origin quantity",
  usage: "account aggregation events hour instance meter quantity reason root sn unbillable",
  record:
    "account begin end events hour instance kind meter part prev product qty record_time replaces residue_in residue_out seq shard sn unit v",
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
  /** Of a running ledger alone: a record whose columns are not what its canonical bytes say. */
  differs: "column is sn",
} as const;

/** The fields of a record that names a package: version 2 (record.ts). */
const PACKAGE_RECORD =
  "account begin end events hour instance kind meter package part prev product qty record_time replaces residue_in residue_out seq shard sn unit v";

export type LineType = keyof typeof LINE_FIELDS;
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

/** A line from its fields. */
export function formatLine(type: LineType, fields: Fields): string {
  return wrapLine(type, canonicalObject(fields));
}

const PRINTABLE = /^[\x20-\x7e]*$/;
const PRINTABLE_LINE = /^[\x20-\x7e]+$/;

/**
 * Reads a line. Only the one canonical way to write it is read: sorted fields, no blanks, no other escapes.
 * @returns undefined where a single byte is otherwise.
 */
export function parseLine(line: string): Line | undefined {
  if (!PRINTABLE_LINE.test(line)) return undefined;
  const type = /^\{"([a-z]+)":\{/.exec(line)?.[1];
  if (type === undefined || !Object.hasOwn(LINE_FIELDS, type)) return undefined;
  const text = line.slice(type.length + 4, -1);
  const fields = type === "record" ? parseRecord(text) : parseCanonical(text, LINE_FIELDS[type as LineType]);
  if (!fields || wrapLine(type as LineType, text) !== line) return undefined;
  return { type: type as LineType, fields, text };
}

/** Reads the canonical bytes of a record of any version; undefined where they are no such. */
export function parseRecord(text: string): Fields | undefined {
  return parseCanonical(text, LINE_FIELDS.record) ?? parseCanonical(text, PACKAGE_RECORD);
}

/** Reads a canonical object with just the named fields (blank-separated, sorted); undefined where it is no such. */
export function parseCanonical(text: string, names: string): Fields | undefined {
  let fields: Fields;
  try {
    fields = JSON.parse(text) as Fields;
  } catch {
    return undefined;
  }
  if (typeof fields !== "object" || fields === null || Object.keys(fields).join(" ") !== names)
    return undefined;
  // An escape may stand for a character that no value may have.
  const isEscaped = text.includes("\\");
  for (const value of Object.values(fields)) {
    if (typeof value !== "string" || (isEscaped && !PRINTABLE.test(value))) return undefined;
  }
  return JSON.stringify(fields) === text && PRINTABLE_LINE.test(text) ? fields : undefined;
}

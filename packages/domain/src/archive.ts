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

/**
 * How far down an hour is read: to its events, to what each instance used, or to the chain of records alone (with the
 * totals and the manifest in each case).
 */
export const DEPTHS = ["events", "usage", "chain"] as const;
export type Depth = (typeof DEPTHS)[number];

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
  const quote = line.indexOf('"', 2);
  const type = line.slice(2, quote) as LineType;
  if (!Object.hasOwn(LINE_FIELDS, type) || !line.startsWith(`{"${type}":`) || !line.endsWith("}"))
    return undefined;
  const text = line.slice(type.length + 4, -1);
  const fields = type === "record" ? parseRecord(text) : parseCanonical(text, LINE_FIELDS[type]);
  return fields && { type, fields, text };
}

/** Reads the canonical bytes of a record of any version; undefined where they are no such. */
export function parseRecord(text: string): Fields | undefined {
  return parseCanonical(text, LINE_FIELDS.record) ?? parseCanonical(text, PACKAGE_RECORD);
}

/**
 * Reads a canonical object with just the named fields (blank-separated, sorted); undefined where it is no such. The
 * values may be views of `text`: whoever keeps one for long takes a copy.
 */
export function parseCanonical(text: string, names: string): Fields | undefined {
  // An escape is written in one way alone, too; it is rare enough to be left to the slow way.
  return text.includes("\\") ? parseEscaped(text, names) : scan(text, piecesOf(names));
}

/** A printable text on its own: a view that is kept would keep a megabyte of lines alive. */
export function copyOf(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

/** What stands between the values, and the names of those. */
interface Pieces {
  names: readonly string[];
  before: readonly string[];
}

const KNOWN_PIECES = new Map<string, Pieces>();

function piecesOf(text: string): Pieces {
  let pieces = KNOWN_PIECES.get(text);
  if (!pieces) {
    const names = text.split(" ");
    pieces = { names, before: names.map((name, at) => `${at === 0 ? "{" : '",'}"${name}":"`) };
    KNOWN_PIECES.set(text, pieces);
  }
  return pieces;
}

/** Reads what holds no escapes: each name must stand at its place, each value ends at the next quote. */
function scan(text: string, { names, before }: Pieces): Fields | undefined {
  if (!PRINTABLE_LINE.test(text)) return undefined;
  const fields: Fields = {};
  let at = 0;
  for (let n = 0; n < names.length; n += 1) {
    const piece = before[n]!;
    if (!text.startsWith(piece, at)) return undefined;
    at += piece.length;
    const end = text.indexOf('"', at);
    if (end < 0) return undefined;
    fields[names[n]!] = text.slice(at, end);
    at = end;
  }
  return text.endsWith('"}') && at === text.length - 2 ? fields : undefined;
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

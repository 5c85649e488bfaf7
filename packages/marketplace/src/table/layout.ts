import { IMPORT_KINDS, normalWord, type ImportField, type ImportKind, type ListRules } from "./rules.js";
import { firstText, refOf, type Row, type Table } from "./table.js";

/** Titles may precede the header. */
const HEADER_WITHIN_ROWS = 20;

/** The position of a table's header, and the field of each column. */
export interface Layout {
  kind: ImportKind;
  /** Index of the header among the table's rows, and its line in the file. */
  headerRow: number;
  headerLine: number;
  /** By column. `cell`: its position in a spreadsheet program's notation. */
  headers: { header: string; cell: string; field: ImportField | null }[];
  /** Column number by field. */
  at: Partial<Record<ImportField, number>>;
  /** Fields without which a file cannot be read. */
  missing: ImportField[];
}

/** Which header to look for, and where. */
export interface LayoutOptions {
  kind?: ImportKind | undefined;
  /** The file's own headers by field; they take precedence over the known ones. */
  columns?: Partial<Record<ImportField, string>> | undefined;
  /** No title precedes the header. */
  isFirstRow: boolean;
}

/** Finds the header: among the first rows, the one that names most fields. */
export function findLayout(table: Table, rules: ListRules, options: LayoutOptions): Layout {
  const kinds = options.kind === undefined ? IMPORT_KINDS : [options.kind];
  const first = table.rows.findIndex((row) => !firstText(row).startsWith("#"));
  const rows: [number, Row][] = options.isFirstRow
    ? [[first, table.rows[first] ?? { line: 0, cells: [] }]]
    : [...table.rows.slice(0, HEADER_WITHIN_ROWS).entries()];
  const layouts = kinds.flatMap((kind) =>
    rows.map(([at, row]) => layoutOf(row, at, { kind, rules, columns: options.columns ?? {} })),
  );
  const none = layoutOf({ line: 0, cells: [] }, 0, { kind: kinds[0], rules, columns: {} });
  return layouts.reduce((best, next) => (rank(next) > rank(best) ? next : best), none);
}

const rank = ({ missing, at }: Layout) => Object.keys(at).length - missing.length * 100;

interface Known {
  kind: ImportKind;
  rules: ListRules;
  columns: Partial<Record<ImportField, string>>;
}

function layoutOf({ line, cells }: Row, headerRow: number, { kind, rules, columns }: Known): Layout {
  const own = new Map(
    Object.entries(columns).map(([field, header]) => [plainHeader(header), field as ImportField]),
  );
  const known = headersOf(rules, kind);
  const taken = new Set<ImportField>();
  const at: Layout["at"] = {};
  const claim = (field: ImportField | undefined, index: number): ImportField | null => {
    if (field === undefined || taken.has(field)) return null;
    taken.add(field);
    at[field] = index;
    return field;
  };
  const names = cells.map((cell) => cell?.text ?? "");
  const byProfile = names.map((name, index) => claim(own.get(plainHeader(name)), index));
  const headers = names.map((name, index) => {
    const word = plainHeader(name);
    const field = byProfile[index] ?? claim(known.find(([, words]) => words.includes(word))?.[0], index);
    return { header: name.trim(), cell: refOf(index, line), field };
  });
  return { kind, headerRow, headerLine: line, headers, at, missing: missingOf(kind, taken) };
}

function headersOf(rules: ListRules, kind: ImportKind): [ImportField, readonly string[]][] {
  return Object.entries(rules.headers[kind]) as [ImportField, readonly string[]][];
}

/** The headers by which a field is known. */
export function wordsFor(rules: ListRules, kind: ImportKind, field: ImportField): readonly string[] {
  return headersOf(rules, kind).find(([name]) => name === field)?.[1] ?? [];
}

/** A header without a trailing text in brackets: `金额(元)` is `金额`. */
function plainHeader(header: string): string {
  return normalWord(header.replace(/[(（][^()（）]*[)）]\s*$/, ""));
}

/** The fields missing for reading a file, given those found. */
function missingOf(kind: ImportKind, found: ReadonlySet<ImportField>): ImportField[] {
  if (kind === "sdr") {
    const wanted: ImportField[] = ["serialNumber", "instanceId", "begin", "end", "quantity", "state"];
    return wanted.filter((field) => !found.has(field));
  }
  const keys: ImportField[] = ["serialNumber", "instanceId", "product"];
  return [
    ...(found.has("amount") ? [] : (["amount"] as const)),
    ...(keys.some((key) => found.has(key)) ? [] : (["instanceId"] as const)),
  ];
}

import {
  plainHeader,
  fieldOf,
  missingFields,
  IMPORT_KINDS,
  type ImportField,
  type ImportKind,
} from "./fields.js";
import type { ImportProfile } from "./profile.js";
import type { Cell, Table } from "./table.js";

/** Titles may stand above the header. */
const HEADER_WITHIN_ROWS = 20;

/** Where the header of a table is, and which column is which field. */
export interface Layout {
  kind: ImportKind;
  headerRow: number;
  headers: { header: string; ref: string; field: ImportField | null }[];
  /** Column number by field. */
  at: Partial<Record<ImportField, number>>;
  missing: ImportField[];
}

/** Finds the header: the row of the first ones that names most fields, by the profile's names before the known ones. */
export function findLayout(table: Table, profile: Partial<ImportProfile>): Layout {
  const kinds = profile.kind === undefined ? IMPORT_KINDS : [profile.kind];
  const layouts = kinds.flatMap((kind) =>
    table.rows
      .slice(0, HEADER_WITHIN_ROWS)
      .map((row, headerRow) => layoutOf(kind, row, headerRow, profile.columns ?? {})),
  );
  return layouts.reduce((best, next) => (rank(next) > rank(best) ? next : best), emptyLayout(kinds[0]));
}

const rank = ({ missing, at }: Layout) => Object.keys(at).length - missing.length * 100;

function emptyLayout(kind: ImportKind): Layout {
  return { kind, headerRow: 0, headers: [], at: {}, missing: missingFields(kind, new Set()) };
}

function layoutOf(
  kind: ImportKind,
  row: readonly Cell[],
  headerRow: number,
  columns: ImportProfile["columns"],
): Layout {
  const named = new Map(
    Object.entries(columns).map(([field, header]) => [plainHeader(header), field as ImportField]),
  );
  const taken = new Set<ImportField>();
  const at: Layout["at"] = {};
  const claim = (field: ImportField | undefined, index: number): ImportField | null => {
    if (field === undefined || taken.has(field)) return null;
    taken.add(field);
    at[field] = index;
    return field;
  };
  const byProfile = row.map(({ text }, index) => claim(named.get(plainHeader(text)), index));
  const headers = row.map(({ text, ref }, index) => {
    const field = byProfile[index] ?? claim(fieldOf(kind, text), index);
    return { header: text.trim(), ref, field };
  });
  return { kind, headerRow, headers, at, missing: missingFields(kind, taken) };
}

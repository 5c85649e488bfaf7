import { EMPTY, rowOf } from "./body.js";
import type { ImportField } from "./fields.js";
import type { Layout } from "./layout.js";
import type { Cell } from "./table.js";

/** The cell of a field in a row; undefined where the file has no such column. */
export const cellAt = (row: readonly Cell[], layout: Layout, field: ImportField): Cell | undefined => {
  const index = layout.at[field];
  return index === undefined ? undefined : (row[index] ?? EMPTY);
};

/** Names a field for a problem by its cell and its header. */
export function nameOf(row: readonly Cell[], layout: Layout, field: ImportField): string {
  const index = layout.at[field] ?? 0;
  const column = layout.headers[index];
  const ref = row[index]?.ref || (column?.ref.replace(/\d+$/, "") ?? "") + String(rowOf(row));
  return `${ref} ${column?.header ?? field}`;
}

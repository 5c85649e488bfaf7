import { LINE_FIELDS, type LineField, type LineType } from "@quarterpast/domain";

/** A field's text between its quotes, as an SQL expression; or, if JSON may have to escape it, its column. */
export type FieldSql = string | { json: string };

/** A column whose text JSON may have to escape. */
export const escaped = (column: string): FieldSql => ({ json: column });

/** An SQL expression that writes a line of an export, with the fields of its type, in their order. */
export function lineSql<Type extends LineType>(
  type: Type,
  fields: Readonly<Record<LineField<Type>, FieldSql>>,
): string {
  const names = LINE_FIELDS[type].split(" ") as LineField<Type>[];
  let open = `{"${type}":{`;
  const parts = names.map((name, at) => {
    const field = fields[name];
    const before = `${open}${at === 0 ? "" : ","}"${name}":`;
    open = typeof field === "string" ? '"' : "";
    return typeof field === "string"
      ? `'${before}"' || ${field} || `
      : `'${before}' || to_json(${field.json})::text || `;
  });
  return `${parts.join("")}'${open}}}'`;
}

/** A field in SQL; undefined if only the bytes contain it; `optional`: null if the bytes omit it. */
export type ColumnSql = { sql: string; optional?: true } | undefined;

/**
 * SQL conditions that canonical bytes agree with the columns: runs of consecutive fields, up to the name of the next one,
 * are searched for as they must be written. Fields are sorted, and no value contains an unescaped quote, so a piece can
 * match in only one place.
 * @param canonical the column with the bytes
 */
export function holdsSql<Name extends string>(
  canonical: string,
  names: readonly Name[],
  columns: Readonly<Record<Name, ColumnSql>>,
): string[] {
  const isOptional = (name: Name | undefined): boolean => name !== undefined && !!columns[name]?.optional;
  const runs: Name[][] = [];
  for (const [at, name] of names.entries()) {
    if (columns[name] === undefined) continue;
    const before = names[at - 1];
    const goesOn =
      before !== undefined && columns[before] !== undefined && !isOptional(before) && !isOptional(name);
    if (goesOn) runs.at(-1)!.push(name);
    else runs.push([name]);
  }
  return runs.map((run) => {
    const at = names.indexOf(run[0]!);
    const next = names[at + run.length];
    const end = next === undefined ? '"}' : isOptional(next) ? '"' : `","${next}":"`;
    const begin = at === 0 ? '{"' : '","';
    const cells = run.map((name, n) => `'${n === 0 ? begin : '","'}${name}":"' || ${columns[name]!.sql} || `);
    const piece = `${cells.join("")}'${end}'`;
    if (at === 0) return `starts_with(${canonical}, ${piece})`;
    const holds = `position(${piece} IN ${canonical}) > 0`;
    if (!isOptional(run[0])) return holds;
    const absent = `position('","${run[0]}":"' IN ${canonical}) = 0`;
    return `CASE WHEN ${columns[run[0]!]!.sql} IS NULL THEN ${absent} ELSE ${holds} END`;
  });
}

import { LINE_FIELDS, type LineField, type LineType } from "@quarterpast/domain";

/** What stands between a field's quotes, as an expression of SQL; or, if it may need care inside JSON, the column of it. */
export type FieldSql = string | { json: string };

/** A column whose text may need care inside JSON. */
export const escaped = (column: string): FieldSql => ({ json: column });

/** An expression of SQL that writes a line of an export, with the fields that its type has, in their order. */
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

/** What a field is in SQL; undefined where only the bytes hold it; `optional`: null where the bytes leave it out. */
export type ColumnSql = { sql: string; optional?: true } | undefined;

/**
 * Conditions of SQL that canonical bytes hold what the columns say: pieces of fields that follow each other, up to the name
 * of the next one, each looked for as it must stand. Fields are sorted, and no value holds a quote without a backslash, so a
 * piece stands at one place.
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

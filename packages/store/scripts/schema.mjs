/**
 * The schema of a database as text, from catalogue queries: the same for the same migrations on every Postgres from
 * 15 to 18, so that a comparison shows only what a migration changed.
 */

/** Tables of the migration library itself are not ours. */
const OURS = `n.nspname IN ('public', 'billing') AND c.relname NOT LIKE 'migrations%'`;
const NAME = `CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname`;
/** Sorting must not depend on the server's language. */
const sorted = (expression) => `(${expression}) COLLATE "C"`;

const COLUMNS = `
  SELECT ${NAME} AS relation, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
    a.attidentity AS identity, pg_get_expr(d.adbin, d.adrelid) AS "default"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relkind IN ('r', 'p') AND ${OURS} ORDER BY ${sorted(NAME)}, a.attnum`;

// From Postgres 18 on a NOT NULL is a separate constraint; here it is shown with its column.
const CONSTRAINTS = `
  SELECT ${NAME} AS relation, con.conname AS name, pg_get_constraintdef(con.oid) AS definition
  FROM pg_constraint con JOIN pg_class c ON c.oid = con.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE con.contype <> 'n' AND ${OURS} ORDER BY ${sorted(NAME)}, con.contype <> 'p', ${sorted("con.conname")}`;

const INDEXES = `
  SELECT pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
  JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${OURS} AND NOT EXISTS (SELECT 1 FROM pg_constraint con WHERE con.conindid = i.indexrelid AND con.contype IN ('p', 'u'))
  ORDER BY ${sorted("i.indexrelid::regclass::text")}`;

const TYPES = `
  SELECT 'CREATE DOMAIN ' || t.typname || ' AS ' || format_type(t.typbasetype, t.typtypmod)
    || COALESCE(' ' || (SELECT string_agg(pg_get_constraintdef(con.oid), ' ') FROM pg_constraint con WHERE con.contypid = t.oid), '')
    AS definition
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typtype = 'd' AND n.nspname IN ('public', 'billing') ORDER BY ${sorted("t.typname")}`;

const FUNCTIONS = `
  SELECT pg_get_functiondef(p.oid) AS definition FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname IN ('public', 'billing') ORDER BY ${sorted("p.proname")}`;

const TRIGGERS = `
  SELECT pg_get_triggerdef(t.oid) AS definition FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT t.tgisinternal AND ${OURS} ORDER BY ${sorted("t.tgname")}`;

const VIEWS = `
  SELECT ${NAME} AS relation, pg_get_viewdef(c.oid) AS definition, obj_description(c.oid) AS comment
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND ${OURS} ORDER BY ${sorted(NAME)}`;

const HEADER =
  "-- Made by `npm run schema` from a migrated database. The migrations are the source; a test compares.\n";

/**
 * @param {{ query(sql: string): Promise<{ rows: Record<string, unknown>[] }> }} db a migrated database
 * @returns {Promise<string>} its types, tables, constraints, indexes, functions, triggers and views, sorted
 */
export async function dumpSchema(db) {
  const read = async (sql) => (await db.query(sql)).rows;
  const [columns, constraints] = [await read(COLUMNS), await read(CONSTRAINTS)];
  const tables = [...new Set(columns.map((column) => column.relation))].map((relation) => {
    const own = (rows) => rows.filter((row) => row.relation === relation);
    const lines = [...own(columns).map(columnLine), ...own(constraints).map(constraintLine)];
    return `CREATE TABLE ${relation} (\n${lines.join(",\n")}\n);`;
  });
  const statements = async (sql) => (await read(sql)).map((row) => `${String(row.definition).trimEnd()};`);
  const views = (await read(VIEWS)).flatMap(({ relation, definition, comment }) => [
    `CREATE VIEW ${relation} AS\n${definition}`,
    ...(comment ? [`-- ${relation}: ${comment}`] : []),
  ]);
  const types = (await statements(TYPES)).join("\n");
  const parts = [types, ...tables, (await statements(INDEXES)).join("\n"), ...(await statements(FUNCTIONS))];
  parts.push((await statements(TRIGGERS)).join("\n"), ...views);
  return `${[HEADER.trimEnd(), ...parts].join("\n\n")}\n`;
}

function columnLine({ name, type, required, identity, default: value }) {
  const parts = [`  ${name} ${type}`];
  if (required) parts.push("NOT NULL");
  if (identity) parts.push(`GENERATED ${identity === "a" ? "ALWAYS" : "BY DEFAULT"} AS IDENTITY`);
  if (value !== null) parts.push(`DEFAULT ${value}`);
  return parts.join(" ");
}

function constraintLine({ name, definition }) {
  return `  CONSTRAINT ${name} ${definition}`;
}

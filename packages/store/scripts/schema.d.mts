/** The schema of a migrated database as text; see schema.mjs. */
export function dumpSchema(db: {
  query(sql: string): Promise<{ rows: Record<string, unknown>[] }>;
}): Promise<string>;

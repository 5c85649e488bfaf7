import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
// node-pg-migrate: plain SQL files, an advisory lock against two runners, no ORM behind it.
import { runner } from "node-pg-migrate";
import type { Db } from "./database.js";

const DIRECTORY = fileURLToPath(new URL("../../migrations", import.meta.url));
const TABLE = "migrations";

/** Brings a database to this version's schema. Each migration is one transaction. Safe to run concurrently. */
export async function migrate(
  databaseUrl: string,
  log: (line: string) => void = () => {},
): Promise<string[]> {
  const ran = await runner({
    databaseUrl,
    dir: DIRECTORY,
    direction: "up",
    migrationsTable: TABLE,
    advisoryLockMode: "wait",
    log,
  });
  return ran.map((migration) => migration.name);
}

export type SchemaState = { ok: true } | { ok: false; problem: "older" | "newer"; names: string[] };

/**
 * Whether the database has exactly the migrations of this version: a newer schema makes an older binary refuse to
 * start.
 */
export async function checkSchema(db: Db): Promise<SchemaState> {
  const known = await migrationNames();
  const present = await presentMigrations(db);
  const newer = present.filter((name) => !known.includes(name));
  if (newer.length > 0) return { ok: false, problem: "newer", names: newer };
  const missing = known.filter((name) => !present.includes(name));
  return missing.length > 0 ? { ok: false, problem: "older", names: missing } : { ok: true };
}

/** Throws an error that says what to do if {@link checkSchema} finds another schema. */
export async function requireSchema(db: Db): Promise<void> {
  const state = await checkSchema(db);
  if (state.ok) return;
  throw new Error(
    state.problem === "newer"
      ? `The database schema is newer than this version (${state.names.join(", ")}): start a newer quarterpast.`
      : `The database schema is older than this version (missing ${state.names.join(", ")}): run the migrations first.`,
  );
}

async function migrationNames(): Promise<string[]> {
  const files = await readdir(DIRECTORY);
  return files
    .filter((file) => file.endsWith(".sql"))
    .map((file) => file.slice(0, -4))
    .sort();
}

async function presentMigrations(db: Db): Promise<string[]> {
  const table = await db.query<{ exists: boolean }>("SELECT to_regclass($1::text) IS NOT NULL AS exists", [
    `public.${TABLE}`,
  ]);
  if (!table.rows[0]!.exists) return [];
  const { rows } = await db.query<{ name: string }>(`SELECT name FROM public.${TABLE} ORDER BY name`);
  return rows.map((row) => row.name);
}

// `npm run schema`: writes the closed sets into the migration, then packages/store/schema.sql from a database that has it.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { acquireServers } from "@quarterpast/testkit/servers";
import { createTestDatabase } from "@quarterpast/testkit";
import { createPool, migrate } from "@quarterpast/store";
import { closedSetsSql, SECTION } from "../dist/db/closedSets.js";
import { dumpSchema } from "./schema.mjs";

const migration = fileURLToPath(new URL("../migrations/0001_ledger.sql", import.meta.url));
const source = await readFile(migration, "utf8");
const [begin, end] = [source.indexOf(SECTION.begin), source.indexOf(SECTION.end)];
if (begin < 0 || end < begin) throw new Error(`${migration} has no section of closed sets`);
await writeFile(migration, source.slice(0, begin) + closedSetsSql() + source.slice(end + SECTION.end.length));

const target = fileURLToPath(new URL("../schema.sql", import.meta.url));
const servers = await acquireServers();
const database = await createTestDatabase(servers.databaseUrl);
try {
  await migrate(database.url);
  const pool = createPool({ databaseUrl: database.url, applicationName: "schema", onError: () => {} });
  await writeFile(target, await dumpSchema(pool));
  await pool.end();
  process.stderr.write(`written: ${target}\n`);
} finally {
  await database.end();
  await servers.stop();
}

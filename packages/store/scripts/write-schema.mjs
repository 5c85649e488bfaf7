// `npm run schema`: writes packages/store/schema.sql from a database that has all migrations.
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { acquireServers } from "@quarterpast/testkit/servers";
import { createTestDatabase } from "@quarterpast/testkit";
import { createPool, migrate } from "@quarterpast/store";
import { dumpSchema } from "./schema.mjs";

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

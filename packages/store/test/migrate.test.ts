import { readFile } from "node:fs/promises";
import { createTestDatabase, testServers, type TestDatabase } from "@quarterpast/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dumpSchema } from "../scripts/schema.mjs";
import { createPool, type Pool } from "../src/db/database.js";
import { checkSchema, migrate, requireSchema } from "../src/db/migrate.js";
import { openStore } from "../src/db/open.js";

let database: TestDatabase;
let pool: Pool;
beforeEach(async () => {
  database = await createTestDatabase(testServers().databaseUrl);
  pool = createPool({ databaseUrl: database.url, applicationName: "test", onError: () => {} });
});
afterEach(async (context) => {
  await pool.end();
  await database.end(context.task.result?.state === "fail");
});

describe("migrations", () => {
  test("run once, also when several processes start at once", async () => {
    const runs = await Promise.all(Array.from({ length: 4 }, () => migrate(database.url)));
    const all = runs.flat();
    expect(all.length).toBeGreaterThan(0);
    expect(new Set(all).size).toBe(all.length);
    expect(await migrate(database.url)).toEqual([]);
    expect(await checkSchema(pool)).toEqual({ ok: true });
  }, 60_000);

  test("make the schema that is committed: after a change run `npm run schema`", async (context) => {
    const { rows } = await pool.query<{ major: number }>(
      "SELECT current_setting('server_version_num')::int / 10000 AS major",
    );
    context.skip(rows[0]!.major !== 18, "the committed dump is in the words of Postgres 18");
    await migrate(database.url);
    const committed = await readFile(new URL("../schema.sql", import.meta.url), "utf8");
    expect(await dumpSchema(pool), "packages/store/schema.sql is out of date: npm run schema").toBe(
      committed,
    );
  });
});

describe("another schema", () => {
  test("that is older is refused with what to do", async () => {
    expect(await checkSchema(pool)).toMatchObject({ ok: false, problem: "older" });
    await expect(requireSchema(pool)).rejects.toThrow(
      /older than this version \(missing 0001_.*run the migrations/,
    );
  });

  test("that is newer is refused at once, in one clear line", async () => {
    await migrate(database.url);
    await pool.query("INSERT INTO migrations (name, run_on) VALUES ('9999_from_the_future', now())");
    await expect(requireSchema(pool)).rejects.toThrow(
      /^The database schema is newer than this version \(9999_from_the_future\): start a newer quarterpast\.$/,
    );
    const { signal } = new AbortController();
    const opening = openStore({
      databaseUrl: database.url,
      applicationName: "test",
      onError: () => {},
      signal,
    });
    await expect(opening).rejects.toThrow(/newer/);
  });

  test("that is being made is waited for", async () => {
    const { signal } = new AbortController();
    const opening = openStore({
      databaseUrl: database.url,
      applicationName: "test",
      onError: () => {},
      signal,
    });
    await migrate(database.url);
    await (await opening).end();
  });

  test("that never comes is waited for until the signal fires", async () => {
    const signal = AbortSignal.timeout(400);
    const opening = openStore({
      databaseUrl: database.url,
      applicationName: "test",
      onError: () => {},
      signal,
    });
    await expect(opening).rejects.toThrow();
  });
});

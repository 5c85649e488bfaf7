import pg from "pg";
import { expect, it, onTestFinished, vi } from "vitest";
import { createTestDatabase } from "../src/database.js";
import { acquireServers } from "../src/servers.js";
import { createTestRedisPrefix, testServers } from "../src/testServers.js";

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

const { databaseUrl } = testServers();

it("gives each test a database of its own, migrated once", async () => {
  let migrations = 0;
  const options = {
    template: "testkit",
    migrate: async (url: string) => {
      migrations += 1;
      await query(url, "CREATE TABLE events (id int)");
    },
  };
  const [one, two] = await Promise.all([
    createTestDatabase(databaseUrl, options),
    createTestDatabase(databaseUrl, options),
  ]);
  onTestFinished(() => two.end());
  await query(one.url, "INSERT INTO events VALUES (1)");
  expect(await query(two.url, "SELECT FROM events")).toEqual([]);
  expect(migrations).toBe(1);
  await one.end();
  await expect(query(one.url, "SELECT 1")).rejects.toMatchObject({ code: "3D000" });
});

it("keeps the database of a failed test and says so", async () => {
  const database = await createTestDatabase(databaseUrl);
  onTestFinished(() => database.end());
  const printed = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  await database.end(true);
  expect(printed.mock.calls.join()).toContain(database.name);
  printed.mockRestore();
  expect(await query(database.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
});

it("tries a failed migration again", async () => {
  const template = "testkit_failing";
  const failing = createTestDatabase(databaseUrl, {
    template,
    migrate: () => Promise.reject(new Error("no such column")),
  });
  await expect(failing).rejects.toThrow("no such column");
  const database = await createTestDatabase(databaseUrl, { template, migrate: async () => {} });
  onTestFinished(() => database.end());
});

it("takes servers from the environment and leaves them running", async () => {
  const servers = await acquireServers(process.env);
  expect(servers).toMatchObject({ ...testServers(), source: "Postgres: environment, Redis: environment" });
  await servers.stop();
  expect(await query(databaseUrl, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
});

it("makes prefixes that differ and keep to one slot", () => {
  expect(createTestRedisPrefix()).toMatch(/^\{[\w-]+\}$/);
  expect(createTestRedisPrefix()).not.toBe(createTestRedisPrefix());
});

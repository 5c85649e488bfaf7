import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { canEnter, postgresAccount } from "../src/servers/account.js";
import { reservePort } from "../src/servers/ports.js";
import { startPostgres, type RunningServer } from "../src/servers/postgres.js";
import { isAlive } from "../src/servers/processes.js";
import { atEnd, startElsewhere, temporaryDir } from "./helpers/temporary.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const NOBODY = { uid: 65_534, gid: 65_534 };
const isRoot = process.getuid?.() === 0;

async function start(dataDir: string, port?: number, lines: string[] = []): Promise<RunningServer> {
  const server = await startPostgres({
    dataDir,
    port: port ?? (await reservePort()),
    onLog: (line) => lines.push(line),
  });
  atEnd(() => server.stop());
  return server;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe("startPostgres", () => {
  it("starts a durable one with a password, stops it, and goes on with its data", async () => {
    const dir = join(temporaryDir(), "postgres");
    const first = await start(dir);
    const settings =
      "SELECT name, setting FROM pg_settings WHERE name = ANY('{fsync,synchronous_commit,data_checksums," +
      "server_encoding,listen_addresses,unix_socket_directories,password_encryption,TimeZone}')";
    const rows = await query(first.url, settings);
    expect(Object.fromEntries(rows.map((row) => [row.name, row.setting]))).toMatchObject({
      fsync: "on",
      synchronous_commit: "on",
      data_checksums: "on",
      server_encoding: "UTF8",
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      password_encryption: "scram-sha-256",
    });
    await expect(query(first.url.replace(/:\w+@/, ":wrong@"), "SELECT 1")).rejects.toMatchObject({
      code: "28P01",
    });
    await query(first.url, "CREATE TABLE kept AS SELECT '话单' AS word");
    await first.stop();
    expect([await first.exited, isAlive(first.pid)]).toEqual([0, false]);
    expect(statSync(join(dir, "password")).mode & 0o077).toBe(0);

    const second = await start(dir, first.port);
    expect(await query(second.url, "SELECT word FROM kept")).toEqual([{ word: "话单" }]);
  });

  it("refuses a directory in use, and reports when it has ended by itself", async () => {
    const dir = temporaryDir();
    const server = await start(dir);
    await expect(start(dir)).rejects.toMatchObject({ code: "data_dir_in_use" });
    const busy = query(server.url, "DO $$ BEGIN LOOP END LOOP; END $$").catch(() => "ended");
    await expect
      .poll(() => query(server.url, "SELECT FROM pg_stat_activity WHERE query LIKE 'DO%'"))
      .toHaveLength(1);
    process.kill(server.pid, "SIGKILL");
    expect(await server.exited).toBeNull();
    const again = await start(dir, server.port);
    expect(await busy).toBe("ended");
    expect(await query(again.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("stops the one that a killed parent left, and only then", async () => {
    const dir = temporaryDir();
    const { child, told } = await startElsewhere(dir);
    await expect(start(dir)).rejects.toMatchObject({ code: "data_dir_in_use" });
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(isAlive(told.pid!)).toBe(true);
    const lines: string[] = [];
    await start(dir, undefined, lines);
    expect(isAlive(told.pid!)).toBe(false);
    expect(lines).toContain(`stopping Postgres ${told.pid}, left over from an earlier run`);
  });

  it("does not touch a process that got the old one's id", async () => {
    const dir = temporaryDir();
    await (await start(dir)).stop();
    writeFileSync(join(dir, "data", "postmaster.pid"), `${process.pid}\n${dir}/data\n`);
    await start(dir);
    expect(isAlive(process.pid)).toBe(true);
  });

  it("says in both languages what is wrong", async () => {
    const dir = temporaryDir();
    const server = await start(dir);
    const taken = start(join(dir, "other"), server.port);
    await expect(taken).rejects.toMatchObject({
      code: "port_in_use",
      message: expect.stringMatching(/^port \d+ for Postgres is in use; .*--port-base/) as string,
      text: { zh: expect.stringContaining("已被占用") as string },
    });
    await server.stop();
    writeFileSync(join(dir, "data", "PG_VERSION"), "12\n");
    await expect(start(dir)).rejects.toMatchObject({ code: "postgres_version" });
    writeFileSync(join(dir, "file"), "");
    await expect(start(join(dir, "file", "postgres"))).rejects.toMatchObject({
      code: "data_dir_out_of_reach",
    });
    writeFileSync(join(dir, "data", "PG_VERSION"), "18\n");
    writeFileSync(join(dir, "data", "postgresql.conf"), "nonsense here\n");
    await expect(start(dir)).rejects.toMatchObject({ code: "start_failed" });
  });
});

describe.skipIf(!isRoot)("as root", () => {
  it("opens its own folder, and moves out of one it may not open", async () => {
    const outer = temporaryDir(0o700);
    const own = join(outer, "own");
    mkdirSync(own, { mode: 0o700 });
    const lines: string[] = [];
    const moved = await start(join(own, "postgres"), undefined, lines);
    const place = readFileSync(join(own, "postgres", "moved-to"), "utf8").trim();
    atEnd(() => rmSync(place, { recursive: true, force: true }));
    expect(lines.join()).toContain(place);
    expect(statSync(outer).mode & 0o777).toBe(0o700);
    await query(moved.url, "CREATE TABLE kept ()");
    await moved.stop();
    await query((await start(join(own, "postgres"))).url, "SELECT FROM kept");

    chmodSync(outer, 0o711);
    const inPlace = join(own, "second");
    const server = await startPostgres({ dataDir: inPlace, ownDir: own, port: await reservePort() });
    await server.stop();
    expect(existsSync(join(inPlace, "data"))).toBe(true);
    expect(statSync(own).mode & 0o777).toBe(0o711);
  });

  it.skipIf(!isRoot || !canEnter({ name: "nobody", ...NOBODY }, HERE))(
    "and as an ordinary user",
    async () => {
      const dir = temporaryDir();
      chmodSync(dir, 0o777);
      const { child, told } = await startElsewhere(join(dir, "postgres"), NOBODY);
      expect(await query(told.url!, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
      child.send("stop");
      await once(child, "exit");
      // Root starts a cluster created by an ordinary user as that user.
      expect(postgresAccount(join(dir, "postgres", "data")).uid).toBe(NOBODY.uid);
      await start(join(dir, "postgres"));
      const refused = await startElsewhere(join(temporaryDir(0o700), "postgres"), NOBODY);
      expect(refused.told.code).toBe("data_dir_out_of_reach");
    },
  );
});

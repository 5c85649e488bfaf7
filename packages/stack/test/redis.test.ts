import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Redis } from "ioredis";
import { fileURLToPath } from "node:url";
import { expect, it, vi } from "vitest";
import { isAlive } from "../src/servers/processes.js";
import { startRedis } from "../src/servers/redis.js";
import { findRedis } from "../src/servers/redisFind.js";
import { startTestRedis } from "@quarterpast/testkit/servers";
import { atEnd, temporaryDir } from "./helpers/temporary.js";

function connect(url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => null });
  client.on("error", () => {});
  atEnd(() => client.disconnect());
  return client;
}

it("keeps what it acknowledged through a SIGKILL, behind a password", async () => {
  const first = await startTestRedis();
  atEnd(() => first.stop());
  const client = connect(first.url);
  for (const [name, value] of Object.entries({
    appendonly: "yes",
    appendfsync: "always",
    "no-appendfsync-on-rewrite": "no",
    "maxmemory-policy": "noeviction",
    save: "",
    bind: "127.0.0.1",
  })) {
    expect(await client.config("GET", name)).toEqual([name, value]);
  }
  await expect(connect(first.url.replace(/:\w+@/, ":wrong@")).ping()).rejects.toThrow();
  await client.set("word", "话单");
  await first.kill();
  const second = await startRedis({ dataDir: first.dataDir, port: first.port });
  atEnd(() => second.stop());
  expect(second.url).toBe(first.url);
  expect(await connect(second.url).get("word")).toBe("话单");
  expect(statSync(join(first.dataDir, "redis.conf")).mode & 0o077).toBe(0);
  expect(readFileSync(`/proc/${second.pid}/cmdline`, "utf8")).not.toContain(/:(\w+)@/.exec(second.url)![1]);
});

it("takes other settings, and ends with its files", async () => {
  const server = await startTestRedis({
    config: { appendfsync: "everysec", "maxmemory-policy": "allkeys-lru" },
  });
  expect(await connect(server.url).config("GET", "appendfsync")).toEqual(["appendfsync", "everysec"]);
  await server.stop();
  expect(isAlive(server.pid)).toBe(false);
  expect(statSync(server.dataDir, { throwIfNoEntry: false })).toBeUndefined();
});

it("ends with a test run that is killed, and leaves no files", async () => {
  const child = fork(fileURLToPath(new URL("./helpers/startRedis.mjs", import.meta.url)));
  const [told] = (await once(child, "message")) as [{ pid: number; dataDir: string }];
  expect(isAlive(told.pid)).toBe(true);
  child.kill("SIGKILL");
  await vi.waitFor(
    () => expect([isAlive(told.pid), existsSync(told.dataDir)]).toEqual([false, false]),
    5_000,
  );
});

it("says what is wrong in one line", async () => {
  const server = await startTestRedis();
  atEnd(() => server.stop());
  const taken = startRedis({ dataDir: temporaryDir(), port: server.port });
  await expect(taken).rejects.toMatchObject({ code: "port_in_use" });
  const inUse = startRedis({ dataDir: server.dataDir, port: server.port });
  await expect(inUse).rejects.toMatchObject({ code: "data_dir_in_use" });
  const wrong = startTestRedis({ config: { appendfsync: "never ever" } });
  await expect(wrong).rejects.toMatchObject({
    code: "start_failed",
    message: expect.stringContaining("appendfsync"),
  });
});

it("finds a program on PATH first", async () => {
  const dir = temporaryDir();
  const program = join(dir, "valkey-server");
  writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
  expect(await findRedis(undefined, { PATH: `/nowhere${delimiter}${dir}` })).toEqual({
    kind: "program",
    program,
  });
});

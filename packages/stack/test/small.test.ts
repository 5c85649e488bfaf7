import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { cacheDir, publishOnce } from "../src/servers/cache.js";
import { lockDir } from "../src/servers/lock.js";
import { keepPassword } from "../src/servers/password.js";
import { makeLinks } from "../src/servers/postgresBinaries.js";
import { isAlive, isServerOf } from "../src/servers/processes.js";
import { DURABLE, redisConf } from "../src/servers/redisConfig.js";
import { temporaryDir } from "./helpers/temporary.js";

it("locks a directory for one stack, and takes over from one that is gone", () => {
  const dir = temporaryDir();
  const unlock = lockDir(dir, join(dir, "lock"));
  expect(() => lockDir(dir, join(dir, "lock"))).toThrow(/in use by process/);
  unlock();
  writeFileSync(join(dir, "lock"), JSON.stringify({ pid: process.pid, start: "another start" }));
  lockDir(dir, join(dir, "lock"))();
  writeFileSync(join(dir, "lock"), "half written");
  lockDir(dir, join(dir, "lock"))();
  expect(readdirSync(dir)).toEqual([]);
});

it("keeps a password that only its owner can read", () => {
  const file = join(temporaryDir(), "password");
  const password = keepPassword(file);
  expect(password).toMatch(/^[0-9a-f]{48}$/);
  expect(keepPassword(file)).toBe(password);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

it("makes the library links that are missing, any number of times", () => {
  const root = temporaryDir();
  mkdirSync(join(root, "native/lib"), { recursive: true });
  writeFileSync(join(root, "native/lib/libx.so.1.2"), "x");
  const links = ["libx.so", "libx.so.1"].map((name) => ({
    source: "native/lib/libx.so.1.2",
    target: `native/lib/${name}`,
  }));
  writeFileSync(join(root, "native/pg-symlinks.json"), JSON.stringify(links));
  makeLinks(root);
  makeLinks(root);
  expect(lstatSync(join(root, "native/lib/libx.so.1")).isSymbolicLink()).toBe(true);
  expect(readFileSync(join(root, "native/lib/libx.so"), "utf8")).toBe("x");
});

it("publishes a folder whole, once, whoever is first", async () => {
  const dir = join(temporaryDir(), "tool");
  const fill = (name: string) => async (work: string) => {
    writeFileSync(join(work, "half"), name);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(existsSync(join(dir, "half"))).toBe(false);
    writeFileSync(join(work, "name"), name);
  };
  await Promise.all([publishOnce(dir, fill("a")), publishOnce(dir, fill("a"))]);
  await publishOnce(dir, () => Promise.reject(new Error("not again")));
  expect(readFileSync(join(dir, "name"), "utf8")).toBe("a");
  expect(readdirSync(join(dir, ".."))).toEqual(["tool"]);
  await expect(publishOnce(`${dir}2`, () => Promise.reject(new Error("no network")))).rejects.toThrow(
    "no network",
  );
});

it("does not run programs from a cache folder that others can write", () => {
  const home = temporaryDir();
  const cache = join(home, "quarterpast");
  expect(cacheDir({ XDG_CACHE_HOME: home })).toBe(cache);
  chmodSync(cache, 0o777);
  expect(cacheDir({ XDG_CACHE_HOME: home })).not.toBe(cache);
  expect(cacheDir({ QUARTERPAST_CACHE_DIR: cache })).toBe(cache);
  writeFileSync(join(home, "file"), "");
  expect(() => cacheDir({ QUARTERPAST_CACHE_DIR: join(home, "file") })).toThrow(/QUARTERPAST_CACHE_DIR/);
});

it("knows a process from another", () => {
  expect(isAlive(process.pid)).toBe(true);
  expect(isAlive(2 ** 22 + 1)).toBe(false);
  expect(isServerOf(process.pid, /node/, process.cwd())).toBe(true);
  expect(isServerOf(process.pid, /node/, "/")).toBe(process.platform !== "linux");
  expect(isServerOf(process.pid, /postgres$/, process.cwd())).toBe(false);
});

it("writes redis.conf", () => {
  expect(redisConf(DURABLE)).toContain('appendfsync "always"\n');
  expect(redisConf({ save: "", dir: 'a "b"' })).toBe('save ""\ndir "a \\"b\\""\n');
});

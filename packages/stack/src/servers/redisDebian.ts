import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheDir, publishOnce } from "./cache.js";
import type { RedisProgram } from "./redisConfig.js";

const run = promisify(execFile);

/**
 * Debian's (or Ubuntu's) Redis, unpacked into the cache folder: no root needed, nothing installed. Undefined if there
 * is no apt or the package cannot be fetched; then `say` is called with the reason.
 */
export async function redisFromDebian(say: (line: string) => void): Promise<RedisProgram | undefined> {
  if (!hasApt()) return undefined;
  const dir = join(cacheDir(), `redis-${systemName()}`);
  const cached = await programIn(dir);
  if (cached) return cached;
  rmSync(dir, { recursive: true, force: true });
  try {
    say("fetching Redis: Debian's package, unpacked into the cache folder");
    await publishOnce(dir, fetchInto);
    return await programIn(dir);
  } catch (error) {
    const told = (error as { stderr?: string }).stderr?.trim().split("\n").at(-1) ?? (error as Error).message;
    say(`Debian's Redis cannot be fetched: ${told}`);
    return undefined;
  }
}

function hasApt(): boolean {
  if (process.platform !== "linux") return false;
  try {
    for (const tool of ["apt-get", "dpkg", "dpkg-deb"])
      execFileSync(tool, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Programs of one release do not run on another. */
function systemName(): string {
  const release = readFileSync("/etc/os-release", "utf8");
  const field = (name: string) => new RegExp(`^${name}="?([\\w.-]+)`, "m").exec(release)?.[1] ?? "";
  return [field("ID"), field("VERSION_ID"), process.arch].filter(Boolean).join("-");
}

async function programIn(dir: string): Promise<RedisProgram | undefined> {
  const program = join(dir, "usr/bin/redis-server");
  const libraryPath = librariesIn(dir).join(":");
  try {
    await run(program, ["--version"], { env: { ...process.env, LD_LIBRARY_PATH: libraryPath } });
    return { kind: "program", program, libraryPath };
  } catch {
    return undefined;
  }
}

function librariesIn(dir: string): string[] {
  return ["usr/lib", "lib"].flatMap((lib) => {
    try {
      const below = readdirSync(join(dir, lib)).filter(
        (name) => name.endsWith("-linux-gnu") || /-linux-gnu\w+$/.test(name),
      );
      return below.map((name) => join(dir, lib, name));
    } catch {
      return [];
    }
  });
}

/** Fetches the package and the libraries that it needs and the system lacks. */
async function fetchInto(work: string): Promise<void> {
  const apt = await ownApt(work);
  const unpacked = new Set<string>();
  for (let wanted = ["redis-server"]; wanted.length > 0;) {
    const debs = join(work, "debs");
    mkdirSync(debs, { recursive: true });
    await run("apt-get", [...apt, "download", ...wanted], { cwd: debs });
    for (const name of wanted) unpacked.add(name);
    const needed: string[] = [];
    for (const deb of readdirSync(debs)) {
      await run("dpkg", ["-x", join(debs, deb), work]);
      needed.push(...(await dependencies(join(debs, deb))));
    }
    rmSync(debs, { recursive: true });
    wanted = [...new Set(needed)].filter((name) => !unpacked.has(name) && !isInstalled(name));
  }
  rmSync(join(work, "apt"), { recursive: true, force: true });
}

/** apt with its own lists and cache, so that neither root nor the system's lock is needed. */
async function ownApt(work: string): Promise<string[]> {
  const [state, cache] = [join(work, "apt/state"), join(work, "apt/cache")];
  mkdirSync(join(state, "lists/partial"), { recursive: true });
  mkdirSync(join(cache, "archives/partial"), { recursive: true });
  const settings = {
    "Dir::State": state,
    "Dir::Cache": cache,
    "Dir::State::status": "/var/lib/dpkg/status",
    "Debug::NoLocking": "1",
    // apt would fetch as user _apt, which cannot write into root's cache folder.
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
  };
  const options = ["-q", ...Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`])];
  // One broken source among several fails the whole update; the download shows whether the package is available.
  await run("apt-get", [...options, "update"], { maxBuffer: 1e8 }).catch(() => {});
  return options;
}

/** The libraries and Redis packages that a package depends on, without those that set up a service. */
async function dependencies(deb: string): Promise<string[]> {
  const { stdout } = await run("dpkg-deb", ["-f", deb, "Depends", "Pre-Depends"]);
  return stdout
    .replace(/^(Pre-)?Depends:/gm, ",")
    .split(",")
    .map((one) => one.trim().split(/[\s|(:]/)[0]!)
    .filter((name) => /^(lib|lua-|redis-|valkey-)/.test(name));
}

function isInstalled(name: string): boolean {
  try {
    const status = execFileSync("dpkg-query", ["-W", "-f", "${db:Status-Abbrev}", name], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return status.startsWith("ii") && !name.startsWith("redis-");
  } catch {
    return false;
  }
}

import { randomUUID } from "node:crypto";
import { accessSync, constants, existsSync, lstatSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { StackError } from "../errors.js";

/**
 * The folder for programs fetched by this user: `QUARTERPAST_CACHE_DIR`, else below `XDG_CACHE_HOME` or `~/.cache`,
 * else (for a user without a home) a private one in the system's temporary folder.
 */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const named = env.QUARTERPAST_CACHE_DIR;
  if (named) {
    try {
      return makeDir(named);
    } catch (error) {
      throw noCache(named, error);
    }
  }
  const inHome = join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "quarterpast");
  const inTemporary = join(tmpdir(), `quarterpast-cache-${process.getuid?.() ?? "user"}`);
  try {
    return makeOwnDir(inHome);
  } catch {
    try {
      return makeOwnDir(inTemporary);
    } catch (error) {
      throw noCache(inTemporary, error);
    }
  }
}

function makeDir(dir: string): string {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  accessSync(dir, constants.W_OK);
  return dir;
}

/** Programs are run from here, and in a shared temporary folder another user may have created it first. */
function makeOwnDir(dir: string): string {
  makeDir(dir);
  const { uid, mode } = lstatSync(dir);
  if (process.getuid && (uid !== process.getuid() || (mode & 0o022) !== 0))
    throw new Error("others can write it");
  return dir;
}

function noCache(dir: string, cause: unknown): StackError {
  return new StackError(
    "cache_dir_unusable",
    {
      en: `the cache folder ${dir} cannot be used; set QUARTERPAST_CACHE_DIR to one that is yours`,
      zh: `缓存目录 ${dir} 无法使用；请将 QUARTERPAST_CACHE_DIR 设为属于你的目录`,
    },
    cause,
  );
}

/**
 * Fills a folder once: `fill` works in a separate folder, which is then renamed. If several run at the same time, one
 * wins and the others use its result.
 */
export async function publishOnce(dir: string, fill: (work: string) => Promise<void>): Promise<void> {
  if (existsSync(dir)) return;
  const work = `${dir}.${randomUUID()}`;
  mkdirSync(work, { recursive: true, mode: 0o755 });
  try {
    await fill(work);
    renameSync(work, dir);
  } catch (error) {
    if (!existsSync(dir)) throw error;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

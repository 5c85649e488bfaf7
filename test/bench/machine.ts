import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, platform, release, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Result } from "./result.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const require = createRequire(import.meta.url);

/** What the figures were measured on. */
export function describeMachine(): Result["machine"] {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() || "unknown",
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()} ${release()}`,
  };
}

/** The commit of the checkout, marked where it was changed since; `unknown` outside of a repository. */
export function describeCommit(): string {
  try {
    const git = (...args: string[]) => execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
    const isChanged =
      git("status", "--porcelain", "--", ".", ":!test/bench/results.ndjson", ":!README*") !== "";
    return git("rev-parse", "HEAD") + (isChanged ? "+" : "");
  } catch {
    return "unknown";
  }
}

/** The version of an installed package. */
export function versionOf(name: string): string {
  let dir = dirname(require.resolve(name));
  for (;;) {
    try {
      const manifest = JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as {
        name?: string;
        version?: string;
      };
      if (manifest.name === name) return manifest.version!;
    } catch {
      // not there; one folder up
    }
    if (dirname(dir) === dir) return "unknown";
    dir = dirname(dir);
  }
}

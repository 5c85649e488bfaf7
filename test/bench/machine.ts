import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, platform, release, totalmem } from "node:os";
import { dirname, join } from "node:path";
import type { Result } from "./result.js";

const require = createRequire(import.meta.url);

/** The machine of a measurement. */
export function describeMachine(): Result["machine"] {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() || "unknown",
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()} ${release()}`,
  };
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
      // Not there; try the parent folder.
    }
    if (dirname(dir) === dir) return "unknown";
    dir = dirname(dir);
  }
}

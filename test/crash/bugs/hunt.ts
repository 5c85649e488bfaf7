import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { copyProduct } from "../copy.js";
import type { SeededBug } from "./list.js";

/** What the scenario of a bug found; nothing means that the harness is blind to it. */
export interface Hunted {
  bug: SeededBug;
  found: string[];
}

/** A copy of the product into which bugs are put one after the other. */
export interface Hunt {
  /** Runs the scenario on the unchanged product: must find nothing. */
  healthy(scenario: string): Promise<string[]>;
  hunt(bug: SeededBug): Promise<Hunted>;
  end(): void;
}

const WITHIN_MS = 60_000;

export function createHunt(root: string, servers: { databaseUrl: string; redisUrl: string }): Hunt {
  const dir = mkdtempSync(join(tmpdir(), "quarterpast-bugs-"));
  const copy = join(dir, "product");
  copyProduct(root, copy);
  let plays = 0;
  const script = join(root, "test/crash/dist/bugs/play.js");

  async function playOnce(scenario: string): Promise<string[]> {
    const args = [script, scenario, copy, join(dir, `play-${(plays += 1)}`)];
    const env = { ...process.env, TEST_DATABASE_URL: servers.databaseUrl, TEST_REDIS_URL: servers.redisUrl };
    try {
      const { stdout } = await promisify(execFile)(process.execPath, args, {
        env,
        timeout: WITHIN_MS,
        maxBuffer: 2 ** 26,
      });
      return JSON.parse(stdout.trim().split("\n").at(-1)!) as string[];
    } catch (error) {
      return [`it did not end well: ${String(error).slice(0, 300)}`];
    }
  }

  return {
    healthy: playOnce,
    async hunt(bug) {
      const path = join(copy, bug.file);
      const text = readFileSync(path, "utf8");
      const parts = text.split(bug.find);
      if (parts.length !== 2)
        throw new Error(`${bug.name}: ${bug.file} has its place ${parts.length - 1} times`);
      writeFileSync(path, parts.join(bug.replace));
      try {
        return { bug, found: await playOnce(bug.scenario) };
      } finally {
        writeFileSync(path, text);
      }
    },
    end: () => rmSync(dir, { recursive: true, force: true }),
  };
}

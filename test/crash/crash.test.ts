import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../scripts/run.mjs", import.meta.url));
const WITHIN_MS = 420_000;

interface Result {
  seed: number;
  events: number;
  kills: number;
  stops: number;
  faultPoints: number;
  faultPointsHit: number;
  lost: number;
  doubled: number;
  violations: { id: string; detail: string }[];
}

test(
  "300,000 events through 30 kills and 10 stops: nothing lost, nothing doubled",
  { timeout: WITHIN_MS },
  () => {
    const seed = process.env.CRASH_SEED ? ["--seed", process.env.CRASH_SEED] : [];
    const run = spawnSync(process.execPath, [SCRIPT, "crash", "--json", ...seed], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 64 * 1_048_576,
    });
    const last = run.stdout.trim().split("\n").at(-1)!;
    expect(last, run.stderr.slice(-4_000)).toMatch(/^\{/);
    const result = JSON.parse(last) as Result;
    process.stderr.write(`crash: ${last.slice(0, 400)}\n`);
    expect(result.violations, run.stderr.slice(-4_000)).toEqual([]);
    expect(result).toMatchObject({ lost: 0, doubled: 0, faultPointsHit: result.faultPoints });
    expect(result.events).toBeGreaterThanOrEqual(300_000);
    expect(result.kills).toBeGreaterThanOrEqual(30);
    expect(result.stops).toBeGreaterThanOrEqual(10);
  },
);

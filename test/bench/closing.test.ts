import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a bench as a person does; returns its last line. */
async function bench(name: string, ...args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["scripts/run.mjs", name, ...args, "--json"],
    {
      cwd: ROOT,
    },
  );
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Record<string, unknown>;
}

test(
  "a small hour closes: every record arrives once, sums are exact, the proof is anchored",
  { timeout: 120_000 },
  async () => {
    const result = await bench("bench:close", "--instances", "2500");
    expect(result).toMatchObject({ instances: 2_500, exact: true });
    expect(result.calls).toBeGreaterThan(7);
    expect(result.proven).toBeGreaterThan(0);
  },
);

test(
  "a small month is summed up, exported in both formats and verified without a difference",
  { timeout: 120_000 },
  async () => {
    const result = await bench("bench:finance", "--records", "3600", "--instances", "300");
    expect(result).toMatchObject({ records: 3_600, hours: 12, verify: { differences: 0 } });
    const { csv, ndjson } = result.exports as Record<string, { bytes: number }>;
    expect(csv!.bytes).toBeGreaterThan(3_600 * 100);
    expect(ndjson!.bytes).toBeGreaterThan(csv!.bytes);
  },
);

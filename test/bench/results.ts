import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";

/** Appends a run to its results file, one JSON line with commit, machine and versions. */
export function keepResult(root: string, bench: string, figures: object): void {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim();
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryGb: Math.round(totalmem() / 2 ** 30) };
  const line = { at: new Date().toISOString(), commit, machine, node: process.version, figures };
  appendFileSync(join(root, "test", "bench", `${bench}.ndjson`), `${JSON.stringify(line)}\n`);
}

/** Reads a whole number from the command line, or ends with 2. */
export function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  process.stderr.write(`--${name} ${text}: must be a whole number above 0\n`);
  process.exit(2);
}

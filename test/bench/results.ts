import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { commitOf, isCommitted } from "@quarterpast/testkit/commit";
import { describeMachine } from "./machine.js";

/**
 * Appends a run to its results file, as one JSON line with commit, machine and versions; a run of a changed checkout
 * is not kept, which is reported.
 */
export function keepResult(root: string, bench: string, figures: object): void {
  const commit = commitOf(root);
  if (!isCommitted(commit)) {
    process.stderr.write(`not kept: ${commit} is not a commit
`);
    return;
  }
  const about = { at: new Date().toISOString(), commit, machine: describeMachine() };
  const line = { ...about, node: process.version, figures };
  appendFileSync(join(root, "test", "bench", `${bench}.ndjson`), `${JSON.stringify(line)}\n`);
}

/** Reads a whole number from the command line, or exits with 2. */
export function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  process.stderr.write(`--${name} ${text}: must be a whole number above 0\n`);
  process.exit(2);
}

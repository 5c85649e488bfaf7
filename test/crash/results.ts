import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { commitOf, isCommitted } from "@quarterpast/testkit/commit";

/** The result of a long run. */
export interface PartFigures {
  part: string;
  isGood: boolean;
  seed?: number;
  [figure: string]: unknown;
}

/** The result as a line of results.ndjson. */
export interface SoakResult extends PartFigures {
  seconds: number;
}

/** Relative to the checkout; committed. */
export const RESULTS = join("test", "crash", "results.ndjson");

/** Appends a result with its commit; a result of a changed checkout is not kept, which is reported. */
export function appendResult(root: string, result: SoakResult): void {
  const { part, ...rest } = result;
  const commit = commitOf(root);
  if (!isCommitted(commit)) {
    process.stderr.write(`not kept: ${commit} is not a commit
`);
    return;
  }
  const line = { part, at: new Date().toISOString(), commit, ...rest };
  appendFileSync(join(root, RESULTS), `${JSON.stringify(line)}\n`);
}

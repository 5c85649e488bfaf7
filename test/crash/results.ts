import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { commitOf } from "@quarterpast/devstack";

/** What a long run came to. */
export interface PartFigures {
  part: string;
  isGood: boolean;
  seed?: number;
  [figure: string]: unknown;
}

/** As a line of results.ndjson has it. */
export interface SoakResult extends PartFigures {
  seconds: number;
}

/** Below the checkout; committed. */
export const RESULTS = join("test", "crash", "results.ndjson");

/** Appends a result with the commit that it is about. */
export function appendResult(root: string, result: SoakResult): void {
  const { part, ...rest } = result;
  const line = { part, at: new Date().toISOString(), commit: commitOf(root), ...rest };
  appendFileSync(join(root, RESULTS), `${JSON.stringify(line)}\n`);
}

import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { join } from "node:path";

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

/** The commit of the checkout, with `+` where the product was changed since. */
function commitOf(root: string): string {
  try {
    const git = (...args: string[]) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
    const changed = git("status", "--porcelain", "--", "packages", "services");
    return `${git("rev-parse", "--short=12", "HEAD")}${changed === "" ? "" : "+"}`;
  } catch {
    return "unknown";
  }
}

import { ambiguous } from "./ambiguous.js";
import { outage } from "./outage.js";
import { rebuild } from "./rebuild.js";

/** What a long run is given. */
export interface LongRun {
  root: string;
  dir: string;
  seed: number;
  say: (line: string) => void;
}

/** What came of one; the figures stand in results.ndjson and in docs/measured.md. */
export interface PartResult {
  isGood: boolean;
  figures: Record<string, number>;
}

/** Runs that take minutes and are measured once for a version, beside the crash run itself, the bugs and the fuzz. */
export const LONG_RUNS: Record<string, (run: LongRun) => Promise<PartResult>> = {
  ambiguous,
  rebuild,
  outage,
};

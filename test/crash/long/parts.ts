import { ambiguous } from "./ambiguous.js";
import { outage } from "./outage.js";
import { rebuild } from "./rebuild.js";
import type { LongRun, PartResult } from "./longRun.js";

/** Runs that take minutes and are measured once per version, besides the crash run itself, the bugs and the fuzz. */
export const LONG_RUNS: Record<string, (run: LongRun) => Promise<PartResult>> = {
  ambiguous,
  rebuild,
  outage,
};

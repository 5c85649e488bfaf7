/** The input of a long run. */
export interface LongRun {
  root: string;
  dir: string;
  seed: number;
  say: (line: string) => void;
}

/** The result of one; the figures go to results.ndjson and docs/measured.md. */
export interface PartResult {
  isGood: boolean;
  figures: Record<string, number>;
}

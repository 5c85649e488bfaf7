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

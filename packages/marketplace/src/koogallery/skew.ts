/** How far off our clock may be before it is corrected. */
const TOLERANCE_MS = 2_000;

/** The marketplace's clock according to its replies, all in real ms. */
export interface Skew {
  /** To add to our clock when signing; 0 within the tolerance. */
  correctionMs(): number;
  /**
   * Learns from a reply's Date header.
   * @param startedMs, endedMs our clock when the request began and when its reply was complete
   * @returns the reply's clock minus ours, or undefined if the header is not a date
   */
  learn(date: string | undefined, startedMs: number, endedMs: number): number | undefined;
}

/**
 * Learns the offset of the marketplace's clock. Date has steps of a second and was written at some moment of the
 * exchange, so it gives a range, not a point: the known offset is kept while it is in the range.
 */
export function createSkew(): Skew {
  let correction = 0;
  return {
    correctionMs: () => correction,
    learn(date, startedMs, endedMs) {
      const at = date?.endsWith("GMT") ? Date.parse(date) : Number.NaN;
      if (Number.isNaN(at)) return undefined;
      const [low, high] = [at - endedMs, at + 999 - startedMs];
      const offset = Math.round((low + high) / 2);
      const keeps = low <= correction && correction <= high;
      if (!keeps) correction = low <= TOLERANCE_MS && high >= -TOLERANCE_MS ? 0 : offset;
      return offset;
    },
  };
}

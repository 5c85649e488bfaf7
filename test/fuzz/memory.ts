/** A process's memory in MiB: heap and buffers after a full collection, and resident memory. */
export interface Sample {
  heapMb: number;
  rssMb: number;
}

export interface Growth {
  heapStartMb: number;
  heapEndMb: number;
  rssStartMb: number;
  rssEndMb: number;
  isFlat: boolean;
}

/** Additional allowance in MiB, so that the noise of a small heap does not count as growth. */
const HEAP_SLACK_MB = 6;
const RSS_SLACK_MB = 24;
const MOST_GROWTH = 1.1;

/**
 * Judges samples taken at regular intervals over a run. The first third warms up (code, caches, pools) and does not
 * count; "start" is the median of the second third, "end" that of the last. Flat: the end is at most a tenth plus the
 * allowance above the start, in heap and in resident memory. A leak of 100 bytes per request shows between them in
 * 200,000 requests as 6 MiB.
 */
export function judge(samples: readonly Sample[]): Growth {
  const third = Math.floor(samples.length / 3);
  const [middle, last] = [samples.slice(third, 2 * third), samples.slice(2 * third)];
  const heapStartMb = median(middle.map(({ heapMb }) => heapMb));
  const heapEndMb = median(last.map(({ heapMb }) => heapMb));
  const rssStartMb = median(middle.map(({ rssMb }) => rssMb));
  const rssEndMb = median(last.map(({ rssMb }) => rssMb));
  const isFlat =
    heapEndMb <= heapStartMb * MOST_GROWTH + HEAP_SLACK_MB &&
    rssEndMb <= rssStartMb * MOST_GROWTH + RSS_SLACK_MB;
  return { heapStartMb, heapEndMb, rssStartMb, rssEndMb, isFlat };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

import type { Micros } from "@quarterpast/domain";
import type { Place } from "./journal/segment.js";
import type { Journal } from "./journal/journal.js";

/** An entry without a receipt. */
export interface OutstandingEntry {
  seq: number;
  /** Product time of its earliest request. */
  received: Micros;
  /** Where it is; undefined while it is being written. */
  place: Place | undefined;
  /** When it is enqueued again unless its receipt has come, monotonic milliseconds. */
  dueAt: number;
  tries: number;
}

/** The entries without a receipt, by ascending number. */
export interface Outstanding {
  size(): number;
  /** From now on the entry holds back the watermark. */
  opened(seq: number, received: Micros): void;
  /** It is in the journal; `isQueued` says whether Redis has it too. */
  stored(seq: number, place: Place, isQueued: boolean): void;
  /** It was not written to the journal and not acknowledged. */
  dropped(seq: number): void;
  /** It has its receipt. */
  settled(seq: number): void;
  /** It was enqueued again, or that failed. */
  retried(seq: number, isQueued: boolean): void;
  /** Redis has lost entries: all that are in the journal are due. */
  lost(): void;
  /**
   * The lowest number; with `notDueAt`, monotonic ms, the lowest that is not due by then and was never enqueued
   * again.
   */
  lowest(notDueAt?: number): number | undefined;
  /** Up to `limit` entries that are in the journal and due, oldest first. */
  due(at: number, limit: number): OutstandingEntry[];
  /** When the oldest was received, product time. */
  oldest(): Micros | undefined;
}

/** The wait for a receipt is doubled once, so that a long backlog is not enqueued again and again. */
const LONGER_WAIT = 2;
const RETRY_MS = 500;

export interface OutstandingDeps {
  journal: Journal;
  monotonicMs: () => number;
  /** An entry without a receipt for this long, real time, is enqueued again (SPEC 1). */
  receiptWithinMs: number;
}

/** Keeps the entries without a receipt; those found in the journal at start are due immediately. */
export function createOutstanding({ journal, monotonicMs, receiptWithinMs }: OutstandingDeps): Outstanding {
  const entries = new Map<number, OutstandingEntry>();
  for (const { seq, received, place } of journal.recovered) {
    entries.set(seq, { seq, received, place, dueAt: 0, tries: 0 });
  }
  const nextDue = (entry: OutstandingEntry, isQueued: boolean) => {
    const wait = receiptWithinMs * (entry.tries > 0 ? LONGER_WAIT : 1);
    return monotonicMs() + (isQueued ? wait : RETRY_MS);
  };

  return {
    size: () => entries.size,
    opened(seq, received) {
      entries.set(seq, { seq, received, place: undefined, dueAt: Infinity, tries: 0 });
    },
    stored(seq, place, isQueued) {
      const entry = entries.get(seq);
      // A fast aggregator may commit the receipt while our own disk is still writing.
      if (!entry) return journal.settle(place);
      entry.place = place;
      entry.dueAt = nextDue(entry, isQueued);
    },
    dropped: (seq) => void entries.delete(seq),
    settled(seq) {
      const entry = entries.get(seq);
      if (!entry) return;
      entries.delete(seq);
      if (entry.place) journal.settle(entry.place);
    },
    retried(seq, isQueued) {
      const entry = entries.get(seq);
      if (!entry) return;
      if (isQueued) entry.tries += 1;
      entry.dueAt = nextDue(entry, isQueued);
    },
    lost() {
      for (const entry of entries.values()) if (entry.place) entry.dueAt = 0;
    },
    lowest(notDueAt) {
      for (const { seq, dueAt, tries } of entries.values()) {
        if (notDueAt === undefined || (dueAt > notDueAt && tries === 0)) return seq;
      }
      return undefined;
    },
    due(at, limit) {
      const found: OutstandingEntry[] = [];
      for (const entry of entries.values()) {
        if (entry.place && entry.dueAt <= at) found.push(entry);
        if (found.length === limit) break;
      }
      return found;
    },
    oldest() {
      let oldest: Micros | undefined;
      for (const { received } of entries.values()) oldest = Math.min(oldest ?? received, received);
      return oldest;
    },
  };
}

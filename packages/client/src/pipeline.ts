import { createBuffer } from "./buffer.js";
import { createDeliver, type DeliverDeps, type Entry } from "./deliver.js";
import { UnacknowledgedEvent } from "./errors.js";

export interface PipelineOptions extends Omit<DeliverDeps, "repeatLater"> {
  maxBatch: number;
  maxWaitMs: number;
  maxBuffered: number;
  maxCalls: number;
}

/** Gathers entries into batches and delivers them, a few calls at a time. */
export interface Pipeline {
  /** Reserves room for `count` events, immediately if it returns undefined; each settled entry frees one. */
  takeRoom(count: number): Promise<void> | undefined;
  ready(): Promise<void>;
  /** Adds an event for which room was reserved. */
  enter(event: Entry["event"], index: number, settled: (error?: Error) => void): void;
  /** Sends what has been added without waiting for more. */
  push(): void;
  /** Ends all attempts; what has not settled yet settles as unacknowledged. */
  abort(): void;
}

/** Creates the path of events from the buffer to the collector. */
export function createPipeline(options: PipelineOptions): Pipeline {
  const { maxBatch, maxWaitMs, maxCalls } = options;
  const buffer = createBuffer(Math.max(options.maxBuffered, maxBatch));
  const ended = new AbortController();
  const resting = new Map<Entry, NodeJS.Timeout>();
  const deliver = createDeliver({ ...options, repeatLater });
  let calls = 0;
  let isDue = false;
  let linger: NodeJS.Timeout | undefined;

  function start(): void {
    while (calls < maxCalls && (buffer.queued >= maxBatch || (isDue && buffer.queued > 0))) {
      calls += 1;
      void deliver(buffer.shift(maxBatch), ended.signal).finally(() => {
        calls -= 1;
        start();
      });
    }
    if (buffer.queued === 0) isDue = false;
    else if (!isDue) linger ??= setTimeout(push, maxWaitMs);
  }

  function push(): void {
    clearTimeout(linger);
    linger = undefined;
    isDue = true;
    start();
  }

  /** Entries that wait for a retry keep their room, so what the collector postpones is held back here too. */
  function repeatLater(entry: Entry, pauseMs: number): void {
    if (ended.signal.aborted) return abandon(entry);
    const again = () => {
      resting.delete(entry);
      buffer.push(entry);
      start();
    };
    resting.set(entry, setTimeout(again, pauseMs));
  }

  function abandon(entry: Entry): void {
    entry.settle(new UnacknowledgedEvent(entry.event, "the client was closed first"));
  }

  return {
    takeRoom: (count) => buffer.takeRoom(count),
    ready: () => buffer.ready(),
    enter(event, index, settled) {
      const settle = (error?: Error) => {
        buffer.release();
        settled(error);
      };
      const entry: Entry = { event, index, settle, rejections: 0, rejectedSinceMs: 0 };
      if (ended.signal.aborted) return abandon(entry);
      buffer.push(entry);
      start();
    },
    push,
    abort() {
      ended.abort();
      clearTimeout(linger);
      for (const timer of resting.values()) clearTimeout(timer);
      for (const entry of [...resting.keys(), ...buffer.shift(Infinity)]) abandon(entry);
      resting.clear();
    },
  };
}

import type { Entry } from "./deliver.js";

/**
 * The events a client holds until they are acknowledged, at most `max`; callers that find no room wait, first come
 * first served.
 */
export interface Buffer {
  /**
   * Reserves room for `count` more: returns undefined if there is room now, else a promise that resolves when there
   * is. `count` must not exceed `max`.
   */
  takeRoom(count: number): Promise<void> | undefined;
  /** Resolves when there is room for one more, without reserving it. */
  ready(): Promise<void>;
  /** Frees the room of one settled event. */
  release(): void;
  push(entry: Entry): void;
  /** Takes up to `count` entries, oldest first. */
  shift(count: number): Entry[];
  readonly queued: number;
}

/** Creates an empty buffer. */
export function createBuffer(max: number): Buffer {
  const queue: Entry[] = [];
  const waiting: { count: number; enter: () => void }[] = [];
  let used = 0;

  function letIn(): void {
    while (waiting.length > 0 && used + waiting[0]!.count <= max) {
      const { count, enter } = waiting.shift()!;
      used += count;
      enter();
    }
  }

  function takeRoom(count: number): Promise<void> | undefined {
    if (waiting.length > 0 || used + count > max) {
      return new Promise<void>((enter) => waiting.push({ count, enter }));
    }
    used += count;
    return undefined;
  }

  return {
    takeRoom,
    async ready() {
      await takeRoom(1);
      used -= 1;
      letIn();
    },
    release() {
      used -= 1;
      letIn();
    },
    push: (entry) => void queue.push(entry),
    shift: (count) => queue.splice(0, count),
    get queued() {
      return queue.length;
    },
  };
}

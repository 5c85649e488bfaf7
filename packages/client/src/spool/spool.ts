import { mkdirSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { resolve as absolute } from "node:path";
import type { CloudEvent } from "@quarterpast/domain/usage";
import { SpoolError } from "../errors.js";
import { eventLine, settledLine } from "./line.js";
import { lockFolder } from "./lock.js";
import { createSegment, noteSettled, recover, remove, type Segment } from "./segment.js";

// Ours, not a library's: the client is bundled into other people's services and brings no native module or database. It
// needs appending, fsync and settling by number, no more.

/** Where and how much a client spools. */
export interface SpoolOptions {
  /** A folder for this process only, on a local disk. Created if it does not exist. */
  dir: string;
  /** Most bytes on disk, 64 MiB by default. Waiting events are also held in memory. */
  maxBytes?: number;
}

/** An event that is on disk. */
export interface Spooled {
  event: CloudEvent;
  /** Marks the event as acknowledged or refused: it is not sent again. */
  settled(): void;
}

/** Events on disk until they are settled. */
export interface Spool {
  /** What an earlier process left behind, oldest first. */
  recovered: Spooled[];
  /** Number of damaged lines of an earlier process, not counting a torn end. */
  damaged: number;
  /**
   * Resolves when all are flushed to disk; concurrent calls share a flush.
   * @throws SpoolError `full`, or `failed` if the disk cannot store them: then none of them counts as spooled
   */
  append(events: readonly CloudEvent[]): Promise<Spooled[]>;
  /** Writes down what is settled, and unlocks the folder. */
  close(): Promise<void>;
}

interface Asked {
  events: readonly CloudEvent[];
  /** The events as JSON. */
  texts: string[];
  resolve: (spooled: Spooled[]) => void;
  reject: (error: SpoolError) => void;
}

const MAX_BYTES = 64 * 1_048_576;
/** Space is freed by whole files: an eighth each, so that one event that waits long holds little. */
const SEGMENTS = 8;

/** Opens the spool of a folder. @throws SpoolError `in_use`, `failed` */
export function openSpool({ dir: given, maxBytes = MAX_BYTES }: SpoolOptions): Spool {
  const dir = absolute(given);
  const { unlock, left } = openFolder(dir);
  let { lastSeq } = left;
  let total = left.segments.reduce((sum, { bytes }) => sum + bytes, 0);
  let active: { segment: Segment; file: FileHandle } | undefined;
  const live = new Set(left.segments);
  const asked: Asked[] = [];
  let notes = new Map<Segment, number[]>();
  let work: Promise<void> | undefined;

  function append(events: readonly CloudEvent[]): Promise<Spooled[]> {
    return new Promise((resolve, reject) => {
      const texts = events.map((event) => JSON.stringify(event));
      asked.push({ events, texts, resolve, reject });
      wake();
    });
  }

  function wake(): void {
    work ??= (async () => {
      // Calls made in the same tick share the flush.
      await Promise.resolve();
      while (asked.length > 0 || notes.size > 0) {
        await writeNotes();
        await writeGroup(asked.splice(0));
      }
    })().finally(() => {
      work = undefined;
      if (asked.length > 0 || notes.size > 0) wake();
    });
  }

  async function writeGroup(group: Asked[]): Promise<void> {
    const lines: string[] = [];
    const fitting: Asked[] = [];
    let bytes = 0;
    const first = lastSeq + 1;
    for (const one of group) {
      const own = one.texts.map((text, at) => eventLine(lastSeq + 1 + at, text));
      const length = own.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
      if (total + bytes + length > maxBytes) {
        one.reject(full(dir, total + bytes, length, maxBytes));
        continue;
      }
      lastSeq += own.length;
      bytes += length;
      lines.push(...own);
      fitting.push(one);
    }
    if (fitting.length === 0) return;
    try {
      const { segment } = await writeDown(lines.join(""), bytes, first);
      let seq = first;
      for (const { events, resolve } of fitting) {
        segment.waiting += events.length;
        resolve(events.map((event) => spooled(event, seq++, segment)));
      }
    } catch (cause) {
      const error = new SpoolError("failed", `${dir} cannot store events: ${String(cause)}`, cause);
      for (const { reject } of fitting) reject(error);
    }
  }

  async function writeDown(text: string, bytes: number, firstSeq: number): Promise<{ segment: Segment }> {
    if (active && active.segment.bytes >= maxBytes / SEGMENTS) await leaveActive();
    if (!active) live.add((active = await createSegment(dir, firstSeq)).segment);
    const { file, segment } = active;
    try {
      await file.appendFile(text);
      await file.datasync();
    } catch (error) {
      // This file is never written again: after a failed flush it is unknown what is on disk. The bytes cut off
      // belong to no acknowledged event.
      await file.truncate(segment.bytes).catch(() => undefined);
      await leaveActive();
      throw error;
    }
    segment.bytes += bytes;
    total += bytes;
    return active;
  }

  async function leaveActive(): Promise<void> {
    const { file, segment } = active!;
    active = undefined;
    await file.close().catch(() => undefined);
    removeIfDone(segment);
  }

  function spooled(event: CloudEvent, seq: number, segment: Segment): Spooled {
    return {
      event,
      settled() {
        segment.waiting -= 1;
        const noted = notes.get(segment);
        if (noted) noted.push(seq);
        else notes.set(segment, [seq]);
        wake();
      },
    };
  }

  async function writeNotes(): Promise<void> {
    const all = notes;
    notes = new Map();
    for (const [segment, settled] of all) {
      if (removeIfDone(segment)) continue;
      // A note that cannot be written means sending the events once more.
      await noteSettled(dir, segment, settledLine(settled)).catch(() => undefined);
    }
  }

  function removeIfDone(segment: Segment): boolean {
    if (segment.waiting > 0 || segment === active?.segment) return false;
    if (!live.delete(segment)) return true;
    total -= segment.bytes;
    try {
      remove(dir, segment);
    } catch {
      // It is removed at the next start; until then its space is not counted.
    }
    return true;
  }

  return {
    recovered: left.events.map(({ seq, event, segment }) => spooled(event, seq, segment)),
    damaged: left.damaged,
    append,
    async close() {
      while (work) await work;
      if (active) await leaveActive();
      unlock();
    },
  };
}

function openFolder(dir: string) {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const unlock = lockFolder(dir);
    return { unlock, left: recover(dir) };
  } catch (cause) {
    if (cause instanceof SpoolError) throw cause;
    throw new SpoolError("failed", `${dir} cannot be used: ${String(cause)}`, cause);
  }
}

function full(dir: string, used: number, more: number, most: number): SpoolError {
  return new SpoolError(
    "full",
    `${dir} holds ${used} of ${most} bytes: ${more} more do not fit; nothing was kept`,
  );
}

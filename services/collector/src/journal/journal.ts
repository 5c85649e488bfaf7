import { mkdir, open, rm, stat, type FileHandle } from "node:fs/promises";
import type { Micros } from "@quarterpast/domain";
import { faultPoint, type Logger } from "@quarterpast/runtime";
import { encodeFrame, FRAME_HEADER_BYTES, readFrame } from "./frame.js";
import { lockJournal } from "./lock.js";
import { collectorName, recoverJournal, type RecoveredEntry } from "./recover.js";
import { createSegment, markDone, writeAll, type Place, type Segment, type Sync } from "./segment.js";

// Ours, not a library's: what is acknowledged rests on it. One fsync is shared by all entries that wait, numbers are never
// given twice over any kill, and a torn end is told from damage; a log of a library promises less, or brings a database.

/** The collector's own durable copy of all that it acknowledged: append-only, one fsync for all entries that wait. */
export interface Journal {
  /** The collector's name, the same at every start with this folder. */
  collector: string;
  /** The entries found at start that may lack a receipt, ascending. */
  recovered: readonly RecoveredEntry[];
  /** Returns the next sequence number. Numbers ascend and are never reused; there may be gaps. */
  reserve(): number;
  /** Makes all further numbers much larger than this one. */
  skipPast(seq: number): void;
  /** Resolves when the entry is on disk. Any error means that it may be stored; its number is used up. */
  append(seq: number, received: Micros, payload: Buffer): Promise<Place>;
  /** The payload of an entry. @throws if it is damaged. */
  read(place: Place): Promise<Buffer>;
  /** Records that the entry has its receipt. */
  settle(place: Place): void;
  /** What is wrong; undefined while it can be written. It recovers when the disk accepts data again. */
  problem(): string | undefined;
  /** Marks segments without waiting entries as done and deletes those older than the restore gap. */
  reclaim(): Promise<void>;
  /** Waits for pending writes and unlocks the folder. */
  close(): Promise<void>;
}

export interface JournalOptions {
  dir: string;
  logger: Logger;
  /** How long a done segment is kept, hours of real time. */
  keepHours: number;
  /** Real time, for the age of segments. */
  real: () => Micros;
  segmentBytes?: number;
  sync?: Sync;
  onCommit?: (bytes: number, seconds: number) => void;
}

interface Waiting {
  frame: Buffer;
  resolve: (place: Place) => void;
  reject: (error: Error) => void;
}

const SEGMENT_BYTES = 64 * 1_048_576;
const SEGMENT_AGE_MICROS = 3_600 * 1_000_000;
const MEND_EVERY_MS = 1_000;
/**
 * Numbers skipped at a start. An entry being written at a crash may have reached Redis but not the journal; if its
 * number went to another entry, its receipt would count for that one, and usage would be lost. Far more than can be
 * written at once.
 */
const START_GAP = 1_000;

/** Opens the journal of a folder, creating it if absent. @throws if the folder is in use or cannot be written. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { dir, logger } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const unlock = lockJournal(dir);
  try {
    const collector = await collectorName(dir);
    const { segments, entries, highest } = await recoverJournal(dir, logger);
    const first = highest === 0 ? 1 : highest + START_GAP;
    return await startWriter(options, { collector, segments, entries, first, unlock });
  } catch (error) {
    unlock();
    throw error;
  }
}

interface Found {
  collector: string;
  segments: Segment[];
  entries: RecoveredEntry[];
  first: number;
  unlock: () => void;
}

async function startWriter(options: JournalOptions, found: Found): Promise<Journal> {
  const { dir, logger, real, segmentBytes = SEGMENT_BYTES, onCommit = () => {} } = options;
  const sync: Sync = options.sync ?? ((handle) => handle.datasync());
  const segments = new Set(found.segments);
  let next = found.first;
  let current: { segment: Segment; handle: FileHandle; opened: Micros; emptyBytes: number };
  let problem: string | undefined;
  let queue: Waiting[] = [];
  let writing: Promise<void> | undefined;
  let mending: NodeJS.Timeout | undefined;
  let mended: Promise<void> | undefined;

  async function openSegment(): Promise<void> {
    const made = await createSegment(dir, found.collector, next, sync);
    segments.add(made.segment);
    current = { ...made, opened: real(), emptyBytes: made.segment.bytes };
    // The number is in the segment's name, so the next segment needs another one.
    next += 1;
  }

  async function closeSegment(): Promise<void> {
    current.segment.isClosed = true;
    await current.handle.close().catch(() => {});
  }

  async function write(): Promise<void> {
    while (queue.length > 0) {
      const group = queue;
      queue = [];
      try {
        await commit(group);
      } catch (error) {
        await fail(error as Error, group);
      }
    }
    writing = undefined;
  }

  async function commit(group: Waiting[]): Promise<void> {
    if (current.segment.bytes > segmentBytes || isOld()) {
      await closeSegment();
      await openSegment();
    }
    const { segment, handle } = current;
    const started = performance.now();
    const bytes = group.length === 1 ? group[0]!.frame : Buffer.concat(group.map(({ frame }) => frame));
    await faultPoint("collector.beforeJournalWrite");
    await writeAll(handle, bytes, segment.bytes);
    await faultPoint("collector.beforeJournalSync");
    await sync(handle);
    await faultPoint("collector.afterJournalSync");
    for (const { frame, resolve } of group) {
      segment.waiting += 1;
      resolve({ segment, offset: segment.bytes, length: frame.length });
      segment.bytes += frame.length;
    }
    onCommit(bytes.length, (performance.now() - started) / 1_000);
  }

  const isOld = (): boolean => real() - current.opened > SEGMENT_AGE_MICROS;

  /**
   * Also closes an idle collector's segment by age: otherwise a start much later would enqueue entries whose receipts
   * and identities are past their retention.
   */
  async function closeIdle(): Promise<void> {
    try {
      await closeSegment();
      await openSegment();
    } catch (error) {
      await fail(error as Error, []);
    }
    await write();
  }

  /** After a failed write or fsync it is unknown what the file contains, so it is never written again. */
  async function fail(error: Error, group: Waiting[]): Promise<void> {
    problem = `the journal cannot be written: ${error.message}`;
    logger.error({ err: error, dir }, "the journal cannot be written; nothing is acknowledged");
    await closeSegment();
    for (const { reject } of [...group, ...queue]) reject(error);
    queue = [];
    mendLater();
  }

  function mendLater(): void {
    mending = setTimeout(() => (mended = mend()), MEND_EVERY_MS);
  }

  async function mend(): Promise<void> {
    try {
      await openSegment();
      problem = undefined;
      logger.info({ dir }, "the journal can be written again");
    } catch (error) {
      problem = `the journal cannot be written: ${(error as Error).message}`;
      mendLater();
    }
  }

  async function reclaim(): Promise<void> {
    const hasEntries = current.segment.bytes > current.emptyBytes;
    if (problem === undefined && !writing && hasEntries && isOld()) await (writing = closeIdle());
    const keptSince = real() / 1_000 - options.keepHours * 3_600_000;
    for (const segment of segments) {
      if (!segment.isClosed || segment.waiting > 0) continue;
      if (segment.path.endsWith(".journal")) await markDone(segment);
      await faultPoint("collector.beforeReclaim");
      if ((await stat(segment.path)).mtimeMs > keptSince) continue;
      await rm(segment.path, { force: true });
      segments.delete(segment);
    }
  }

  await openSegment();
  return {
    collector: found.collector,
    recovered: found.entries,
    reserve: () => next++,
    skipPast: (seq) => void (next = Math.max(next, seq + START_GAP)),
    append(seq, received, payload) {
      if (problem !== undefined) return Promise.reject(new Error(problem));
      return new Promise((resolve, reject) => {
        queue.push({ frame: encodeFrame(seq, received, payload), resolve, reject });
        writing ??= write();
      });
    },
    read: readPlace,
    settle: ({ segment }) => void (segment.waiting -= 1),
    problem: () => problem,
    reclaim,
    async close() {
      await writing;
      await mended;
      clearTimeout(mending);
      problem = "the journal is closed";
      await closeSegment();
      found.unlock();
    },
  };
}

async function readPlace({ segment, offset, length }: Place): Promise<Buffer> {
  const handle = await open(segment.path, "r");
  try {
    const bytes = Buffer.alloc(length);
    await handle.read(bytes, 0, length, offset);
    const frame = readFrame(bytes, 0);
    if (frame?.length !== length) throw new Error(`${segment.path}: the entry at byte ${offset} is damaged`);
    return bytes.subarray(FRAME_HEADER_BYTES);
  } finally {
    await handle.close();
  }
}

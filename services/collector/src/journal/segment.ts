import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { faultPoint } from "@quarterpast/runtime";

/**
 * Every segment begins with a block that names its collector and the next number; writing it proves that the disk
 * accepts data.
 */
export const SEGMENT_HEADER_BYTES = 4_096;
const FORMAT = "quarterpast journal 1";

const OPEN_SUFFIX = ".journal";
/** A segment whose entries all have receipts; kept only for the restore gap. */
const DONE_SUFFIX = ".done";
const NAME = /^(\d{16})\.(journal|done)$/;

/** One file of the journal. */
export interface Segment {
  path: string;
  /** The next number when it was created; a few of its entries may have got theirs before. */
  first: number;
  bytes: number;
  /** Entries without a receipt. */
  waiting: number;
  /** It takes no further entries. */
  isClosed: boolean;
}

/** Where an entry is. */
export interface Place {
  segment: Segment;
  offset: number;
  length: number;
}

/** First number and state of the segment with this file name; undefined if it is not a segment. */
export function parseSegmentName(name: string): { first: number; isDone: boolean } | undefined {
  const match = NAME.exec(name);
  return match ? { first: Number(match[1]), isDone: match[2] === "done" } : undefined;
}

/** Flushes a file's data to disk. An argument, so that tests can delay it or make it fail. */
export type Sync = (handle: FileHandle) => Promise<void>;

/** Creates a segment's file; its data and name are on disk when this resolves. */
export async function createSegment(
  dir: string,
  collector: string,
  first: number,
  sync: Sync,
): Promise<{ segment: Segment; handle: FileHandle }> {
  const path = join(dir, `${String(first).padStart(16, "0")}${OPEN_SUFFIX}`);
  const handle = await open(path, "wx", 0o600);
  try {
    const header = JSON.stringify({ format: FORMAT, collector, first });
    await writeAll(handle, Buffer.from(`${header.padEnd(SEGMENT_HEADER_BYTES - 1)}\n`), 0);
    await faultPoint("collector.beforeSegmentSync");
    await sync(handle);
    await syncDir(dir);
  } catch (error) {
    await handle.close().catch(() => {});
    await rm(path, { force: true }).catch(() => {});
    throw error;
  }
  return { segment: { path, first, bytes: SEGMENT_HEADER_BYTES, waiting: 0, isClosed: false }, handle };
}

/** Writes all bytes at the position; the file system may write fewer than asked. */
export async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Marks a segment as done, so that the next start does not read it again. */
export async function markDone(segment: Segment): Promise<void> {
  const path = segment.path.slice(0, -OPEN_SUFFIX.length) + DONE_SUFFIX;
  await faultPoint("collector.beforeMarkDone");
  await rename(segment.path, path);
  segment.path = path;
  await syncDir(dirname(path));
}

/** A new or renamed file is certain to be found again only once its folder is on disk. */
export async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

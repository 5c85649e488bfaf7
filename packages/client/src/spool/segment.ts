import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { CloudEvent } from "@quarterpast/domain/usage";
import { readLines } from "./line.js";

const EVENTS = ".events";
const SETTLED = ".settled";

/** A file of events, and one beside it that lists those of them that are settled. */
export interface Segment {
  name: string;
  /** Size of the file of events. */
  bytes: number;
  /** Events that are not settled. */
  waiting: number;
  /** Some of its lines cannot be read: it is kept under another name, for a person. */
  isDamaged: boolean;
}

/** An event that an earlier process left behind. */
export interface Recovered {
  seq: number;
  event: CloudEvent;
  segment: Segment;
}

/**
 * Reads the files of the folder and removes those without waiting events. @throws errors of the file system,
 * unchanged.
 */
export function recover(dir: string): {
  segments: Segment[];
  events: Recovered[];
  lastSeq: number;
  damaged: number;
} {
  const names = readdirSync(dir).filter((name) => name.endsWith(EVENTS));
  removeOrphans(dir, names);
  const events: Recovered[] = [];
  const segments: Segment[] = [];
  let [lastSeq, damaged] = [0, 0];
  for (const name of names.map((one) => one.slice(0, -EVENTS.length)).sort()) {
    const bytes = readFileSync(join(dir, name + EVENTS));
    const read = readLines(bytes.toString("utf8"));
    const settled = settledOf(dir, name);
    const segment: Segment = { name, bytes: bytes.length, waiting: 0, isDamaged: read.damaged > 0 };
    damaged += read.damaged;
    lastSeq = Math.max(lastSeq, Number(name));
    for (const line of read.lines) {
      if (!("event" in line)) continue;
      lastSeq = Math.max(lastSeq, line.seq);
      if (settled.has(line.seq)) continue;
      segment.waiting += 1;
      events.push({ ...line, segment });
    }
    if (segment.waiting === 0) remove(dir, segment);
    else segments.push(segment);
  }
  return { segments, events, lastSeq, damaged };
}

/** A kill within `remove` leaves a note without its events: it must not apply to a later file of that name. */
function removeOrphans(dir: string, names: readonly string[]): void {
  for (const note of readdirSync(dir).filter((name) => name.endsWith(SETTLED))) {
    if (!names.includes(note.slice(0, -SETTLED.length) + EVENTS)) rmSync(join(dir, note), { force: true });
  }
}

function settledOf(dir: string, name: string): Set<number> {
  try {
    const { lines } = readLines(readFileSync(join(dir, name + SETTLED), "utf8"));
    return new Set(lines.flatMap((line) => ("settled" in line ? line.settled : [])));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Set();
    throw error;
  }
}

/** Creates the file of a new segment so that it survives a power loss. */
export async function createSegment(
  dir: string,
  firstSeq: number,
): Promise<{ segment: Segment; file: FileHandle }> {
  const name = String(firstSeq).padStart(16, "0");
  const file = await open(join(dir, name + EVENTS), "ax", 0o600);
  syncFolder(dir);
  return { segment: { name, bytes: 0, waiting: 0, isDamaged: false }, file };
}

/**
 * Notes that events are settled. Not flushed to disk: if the note is lost, the events are sent once more under the
 * same ids.
 */
export async function noteSettled(dir: string, segment: Segment, line: string): Promise<void> {
  const file = await open(join(dir, segment.name + SETTLED), "a", 0o600);
  try {
    await file.appendFile(line);
  } finally {
    await file.close();
  }
}

/** Removes a segment: its events first, so that settled events never lack their note. */
export function remove(dir: string, { name, isDamaged }: Segment): void {
  const file = join(dir, name + EVENTS);
  if (isDamaged) renameSync(file, join(dir, `${name}.damaged`));
  else rmSync(file, { force: true });
  rmSync(join(dir, name + SETTLED), { force: true });
}

function syncFolder(dir: string): void {
  // Windows cannot flush folders, and need not.
  if (process.platform === "win32") return;
  const folder = openSync(dir, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

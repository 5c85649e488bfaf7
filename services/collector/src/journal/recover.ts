import { randomUUID } from "node:crypto";
import { open, readdir, readFile, rename, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { Micros } from "@quarterpast/domain";
import type { Logger } from "@quarterpast/runtime";
import { scanFrames } from "./frame.js";
import { parseSegmentName, SEGMENT_HEADER_BYTES, syncDir, type Place, type Segment } from "./segment.js";

/** An entry found in the journal at start. */
export interface RecoveredEntry {
  seq: number;
  received: Micros;
  place: Place;
}

/** What a start finds in the journal's folder. */
export interface Recovered {
  segments: Segment[];
  /** Ascending, without entries of segments that are done. */
  entries: RecoveredEntry[];
  /** The highest number known to have been used; 0 if there is none. */
  highest: number;
}

const COLLECTOR_FILE = "collector";

/** The collector's name, a random UUID stored with its journal. */
export async function collectorName(dir: string): Promise<string> {
  const path = join(dir, COLLECTOR_FILE);
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const name = randomUUID();
  const half = `${path}.half`;
  const handle = await open(half, "w", 0o600);
  try {
    await handle.writeFile(`${name}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(half, path);
  await syncDir(dir);
  return name;
}

/** Reads the journal: cuts off a torn tail, logs and skips damage in the middle. */
export async function recoverJournal(dir: string, logger: Logger): Promise<Recovered> {
  const found: Recovered = { segments: [], entries: [], highest: 0 };
  for (const name of (await readdir(dir)).sort()) {
    const parsed = parseSegmentName(name);
    if (!parsed) continue;
    const path = join(dir, name);
    const segment: Segment = { path, first: parsed.first, bytes: 0, waiting: 0, isClosed: true };
    found.segments.push(segment);
    found.highest = Math.max(found.highest, segment.first);
    if (!parsed.isDone) await readSegment(segment, found, logger);
  }
  found.entries.sort((a, b) => a.seq - b.seq);
  return found;
}

async function readSegment(segment: Segment, found: Recovered, logger: Logger): Promise<void> {
  const { path } = segment;
  const bytes = await readFile(path);
  const { frames, damaged, end } = scanFrames(bytes, SEGMENT_HEADER_BYTES);
  for (const { from, to } of damaged) {
    logger.error({ path, from, to }, "the journal is damaged: the entries between these bytes are lost");
  }
  if (end < bytes.length) {
    logger.warn({ path, from: end, to: bytes.length }, "a torn tail of the journal is cut off");
    await truncate(path, end);
  }
  segment.bytes = end;
  segment.waiting = frames.length;
  for (const { seq, received, offset, length } of frames) {
    found.entries.push({ seq, received, place: { segment, offset, length } });
    found.highest = Math.max(found.highest, seq);
  }
}

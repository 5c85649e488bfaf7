import { createHash } from "node:crypto";
import { mkdir, open, rename, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { formatCompact, type Micros } from "@quarterpast/domain";

/** An hour's export while it is being written. */
export interface HourFile {
  /** Writes whole lines. */
  write(lines: readonly string[]): Promise<void>;
  /** SHA-256 over all bytes so far, in hex. */
  sha256(): string;
  /** Makes it durable under its name, with its SHA-256 beside it. */
  publish(): Promise<void>;
  /** Closes an unpublished file; the next try overwrites the draft. */
  close(): Promise<void>;
}

/** The name of an hour's export: the hour and the account's code, made safe for every file system. */
export function hourFileName(hour: Micros, account: string): string {
  return `${formatCompact(hour)}-${encodeURIComponent(account).replaceAll("*", "%2A")}.ndjson`;
}

/** Opens an hour's export for writing, below `dir`. */
export async function openHourFile(dir: string, name: string): Promise<HourFile> {
  const folder = join(dir, "hours");
  await mkdir(folder, { recursive: true });
  const path = join(folder, name);
  const draft = `${path}.new`;
  const hash = createHash("sha256");
  let handle: FileHandle | undefined = await open(draft, "w");
  const close = async (): Promise<void> => {
    const closing = handle;
    handle = undefined;
    await closing?.close();
  };
  return {
    async write(lines) {
      if (lines.length === 0) return;
      const bytes = Buffer.from(`${lines.join("\n")}\n`, "latin1");
      hash.update(bytes);
      await handle!.writeFile(bytes);
    },
    sha256: () => hash.copy().digest("hex"),
    async publish() {
      await handle!.sync();
      await close();
      await writeDurably(`${path}.sha256`, `${hash.copy().digest("hex")}  ${basename(path)}\n`);
      await rename(draft, path);
      await syncFolder(folder);
    },
    close,
  };
}

async function writeDurably(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  const handle = await open(draft, "w");
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, path);
}

/**
 * Appends a line to the anchors, on disk when this returns. First cuts off a torn last line, which a power cut may
 * leave.
 */
export async function appendAnchor(path: string, line: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(path, "a+");
  try {
    await cutTornLine(handle);
    await handle.writeFile(`${line}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function cutTornLine(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat();
  const tail = Buffer.alloc(Math.min(size, 4_096));
  await handle.read(tail, 0, tail.length, size - tail.length);
  const end = tail.lastIndexOf(0x0a) + 1;
  if (end < tail.length) await handle.truncate(size - tail.length + end);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

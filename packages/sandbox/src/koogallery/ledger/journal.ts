import { open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

export type Journal = {
  path: string;
  /** Resolves once the lines are on disk (fsync); lines of concurrent calls share one fsync and keep their order. */
  append(lines: readonly object[]): Promise<void>;
  close(): Promise<void>;
};

type Waiting = { text: string; resolve: () => void; reject: (error: unknown) => void };

/**
 * Opens an append-only NDJSON file and passes each line to `replay`. Cuts off a torn last line; an earlier broken
 * line is an error that names its number, because a file that others wrote to cannot be trusted.
 */
export async function openJournal(path: string, replay: (line: unknown) => void): Promise<Journal> {
  const file = await open(path, "a+");
  try {
    const size = await readAll(file, path, replay);
    await file.truncate(size);
    await file.sync();
    await syncFolder(dirname(path));
    return writer(file, path, size);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readAll(file: FileHandle, path: string, replay: (line: unknown) => void): Promise<number> {
  let rest = Buffer.alloc(0);
  let good = 0;
  let number = 0;
  let broken: number | null = null;
  for await (const chunk of file.createReadStream({ autoClose: false, start: 0, highWaterMark: 1 << 20 })) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    let from = 0;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, from)) {
      number += 1;
      if (broken !== null)
        throw new Error(`${path}: line ${broken} is broken; move the file away to start anew`);
      const line = parse(rest.toString("utf8", from, end));
      if (line === undefined) broken = number;
      else {
        replay(line);
        good += end + 1 - from;
      }
      from = end + 1;
    }
    rest = rest.subarray(from);
  }
  return good;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function writer(file: FileHandle, path: string, startSize: number): Journal {
  let waiting: Waiting[] = [];
  let size = startSize;
  let draining = false;
  let drained: Promise<void> = Promise.resolve();

  async function drain(): Promise<void> {
    draining = true;
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      const bytes = Buffer.from(group.map((item) => item.text).join(""));
      try {
        await file.appendFile(bytes);
        await file.datasync();
        size += bytes.length;
        group.forEach((item) => item.resolve());
      } catch (error) {
        // Half a line must not stay before the next one.
        await file.truncate(size).catch(() => undefined);
        group.forEach((item) => item.reject(error));
      }
    }
    // Here and not in a `finally` of the caller: an append right after the last resolve must start it again.
    draining = false;
  }

  return {
    path,
    append(lines) {
      return new Promise((resolve, reject) => {
        waiting.push({ text: lines.map((line) => `${JSON.stringify(line)}\n`).join(""), resolve, reject });
        if (!draining) drained = drain();
      });
    },
    async close() {
      await drained;
      await file.close();
    },
  };
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  await folder.sync().finally(() => folder.close());
}

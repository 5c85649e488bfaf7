import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Tally } from "./tally.js";
import type { InputFile } from "./text.js";

const count = z.int().min(0);
const tallySchema: z.ZodType<Tally> = z.object({
  rows: count,
  sent: count,
  accepted: count,
  rejected: count,
  rejectedByCode: z.record(z.string(), count),
});

const SAVE_EVERY_MS = 1_000;

/**
 * How far an import has got: stored in the data directory, so that an interrupted one can continue. Losing it costs
 * time, never money.
 */
export interface Checkpoint {
  /** The tally of the interrupted import; undefined if there was none. */
  read(): Promise<Tally | undefined>;
  /** Saves the tally, at most once a second unless `now`. */
  save(tally: Tally, now?: boolean): Promise<void>;
  remove(): Promise<void>;
}

/**
 * Creates the checkpoint for this state of the file and this mapping.
 * @param deps `onUnusable` is called once if the directory cannot be written
 */
export function createCheckpoint(deps: {
  dataDir: string;
  file: InputFile;
  /** Address of its api: the same file may go to several stacks. */
  stack: string;
  mapping: unknown;
  monotonicMs: () => number;
  onUnusable: (error: NodeJS.ErrnoException) => void;
}): Checkpoint {
  const { path, bytes, changed } = deps.file;
  const identity = JSON.stringify([path, bytes, changed, deps.stack, deps.mapping]);
  const name = createHash("sha256").update(identity, "utf8").digest("hex").slice(0, 32);
  const folder = join(deps.dataDir, "imports");
  const target = join(folder, `${name}.json`);
  let savedMs = -Infinity;
  let isUsable = true;

  async function write(tally: Tally): Promise<void> {
    await mkdir(folder, { recursive: true });
    await writeFile(`${target}.new`, JSON.stringify(tally));
    await rename(`${target}.new`, target);
  }

  return {
    async read() {
      const text = await readFile(target, "utf8").catch(() => undefined);
      if (text === undefined) return undefined;
      try {
        return tallySchema.parse(JSON.parse(text));
      } catch {
        return undefined;
      }
    },
    async save(tally, now = false) {
      const at = deps.monotonicMs();
      if (!isUsable || (!now && at - savedMs < SAVE_EVERY_MS)) return;
      savedMs = at;
      await write(tally).catch((error: NodeJS.ErrnoException) => {
        isUsable = false;
        deps.onUnusable(error);
      });
    },
    async remove() {
      await rm(target, { force: true }).catch(() => undefined);
    },
  };
}

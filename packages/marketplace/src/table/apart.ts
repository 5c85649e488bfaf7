import { Worker, type ResourceLimits } from "node:worker_threads";
import type { List, ListOptions } from "./list.js";
import { TableError } from "./table.js";

/** The thread's answer. */
export type ApartAnswer = { list: List } | { refused: { en: string; zh: string } };

/** Limits for reading one file. */
export interface ApartLimits {
  /** Real time, in milliseconds. */
  timeoutMs: number;
  memory: ResourceLimits;
}

/** A workbook of 400,000 rows needs a sixth of the time and half of the memory. */
const LIMITS: ApartLimits = {
  timeoutMs: 120_000,
  memory: { maxOldGenerationSizeMb: 1_024, maxYoungGenerationSizeMb: 64, stackSizeMb: 4 },
};

/** One file at a time, because several together could fill the memory. */
let last: Promise<unknown> = Promise.resolve();

/**
 * `readList` in a separate thread with limits of memory and time: a stranger's file blocks nothing else, and
 * decompressing it can end only the thread, not the process.
 * @throws TableError for an invalid file, and for one that exceeds the limits
 */
export function readListApart(bytes: Uint8Array, options: ListOptions, limits = LIMITS): Promise<List> {
  const read = last.then(() => readNow(bytes, options, limits));
  last = read.catch(() => undefined);
  return read;
}

async function readNow(bytes: Uint8Array, options: ListOptions, limits: ApartLimits): Promise<List> {
  const worker = new Worker(new URL("apartWorker.js", import.meta.url), {
    workerData: { bytes, options },
    resourceLimits: limits.memory,
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = await new Promise<ApartAnswer>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () => reject(tooMuchMemory()));
      timer = setTimeout(() => reject(tooSlow(limits.timeoutMs)), limits.timeoutMs);
    });
    if ("list" in answer) return answer.list;
    throw new TableError(answer.refused.en, answer.refused.zh);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ERR_WORKER_OUT_OF_MEMORY" ? tooMuchMemory() : error;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

function tooSlow(timeoutMs: number): TableError {
  return new TableError(
    `the file could not be read within ${timeoutMs / 1_000} seconds: split the export by time`,
    `文件未能在 ${timeoutMs / 1_000} 秒内读完：请按时间分段导出`,
  );
}

function tooMuchMemory(): TableError {
  return new TableError(
    "the file needs more memory than is allowed: split the export by time",
    "读取文件所需内存超限：请按时间分段导出",
  );
}

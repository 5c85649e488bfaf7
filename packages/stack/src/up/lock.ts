import { FileLocked, lockFile } from "@quarterpast/runtime";
import { StackError } from "../errors.js";

/**
 * Takes the data directory for this `up`. The lock of a process that is gone is taken over.
 * @returns the function that gives it back.
 * @throws StackError `data_dir` where another `up` runs on it.
 */
export function takeLock(file: string, dataDir: string): () => void {
  try {
    return lockFile(file);
  } catch (error) {
    if (!(error instanceof FileLocked)) throw error;
    throw new StackError("data_dir", {
      en: `the data directory ${dataDir} is in use by process ${error.pid}: stop that one first, or choose another --data-dir (and --port-base)`,
      zh: `数据目录 ${dataDir} 正被进程 ${error.pid} 使用：请先停止它，或用 --data-dir（及 --port-base）换一个`,
    });
  }
}

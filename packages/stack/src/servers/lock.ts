import { FileLocked, lockFile } from "@quarterpast/runtime";
import { StackError } from "../errors.js";

/**
 * Locks a data directory for this process, so that two stacks do not end each other's servers; takes over the lock of
 * a process that has ended.
 * @param file the lock, in the directory.
 * @returns the function that releases it.
 * @throws StackError `data_dir_in_use`
 */
export function lockDir(dir: string, file: string): () => void {
  try {
    return lockFile(file);
  } catch (error) {
    if (!(error instanceof FileLocked)) throw error;
    throw new StackError("data_dir_in_use", {
      en: `the data directory ${dir} is in use by process ${error.pid}: stop that one first, or choose another --data-dir (and --port-base)`,
      zh: `数据目录 ${dir} 正被进程 ${error.pid} 使用：请先停止它，或用 --data-dir（及 --port-base）换一个`,
    });
  }
}

import { join } from "node:path";
import { FileLocked, lockFile } from "@quarterpast/runtime";
import { StackError } from "../errors.js";

/**
 * Takes the directory for this process, so that two stacks do not end each other's servers; a lock whose process is gone
 * is taken over.
 * @returns the function that gives it back.
 * @throws StackError `data_dir_in_use`
 */
export function lockDir(dir: string): () => void {
  try {
    return lockFile(join(dir, "lock"));
  } catch (error) {
    if (!(error instanceof FileLocked)) throw error;
    throw new StackError("data_dir_in_use", {
      en: `the data directory ${dir} is in use by process ${error.pid}; stop that one first, or choose another (--data-dir)`,
      zh: `数据目录 ${dir} 正被进程 ${error.pid} 使用；请先停止它，或用 --data-dir 换一个目录`,
    });
  }
}

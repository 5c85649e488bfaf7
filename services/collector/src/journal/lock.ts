import { join } from "node:path";
import { FileLocked, lockFile } from "@quarterpast/runtime";

/**
 * Locks the folder for this process; two collectors on one journal would use a sequence number twice.
 * @returns the function that releases it.
 * @throws JournalInUse if a live process holds it.
 */
export function lockJournal(dir: string): () => void {
  try {
    return lockFile(join(dir, "lock"));
  } catch (error) {
    if (error instanceof FileLocked) throw new JournalInUse(dir, error.pid);
    throw error;
  }
}

/** The folder is held by another process. */
export class JournalInUse extends Error {
  readonly pid: number;
  constructor(dir: string, pid: number) {
    super(`the journal folder ${dir} is in use by process ${pid}`);
    this.name = "JournalInUse";
    this.pid = pid;
  }
}

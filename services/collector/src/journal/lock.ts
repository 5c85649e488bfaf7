import { join } from "node:path";
import { FileLocked, lockFile } from "@quarterpast/runtime";

/**
 * Takes the folder for this process alone; two collectors with one journal would give a sequence number twice.
 * @returns what gives it back.
 * @throws JournalInUse where a live process has it.
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

import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Folders that this process holds: its own number in a lock file proves nothing, containers reuse numbers. */
const held = new Set<string>();

/**
 * Takes the folder for this process alone; two collectors with one journal would give a sequence number twice.
 * @returns what gives it back.
 * @throws JournalInUse where a live process has it.
 */
export function lockJournal(dir: string): () => void {
  const file = join(dir, "lock");
  if (held.has(file)) throw new JournalInUse(dir, process.pid);
  for (;;) {
    try {
      writeLock(file);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = ownerOf(file);
    if (owner !== undefined && isAlive(owner)) throw new JournalInUse(dir, owner.pid);
    rmSync(file, { force: true });
  }
  held.add(file);
  return () => {
    held.delete(file);
    rmSync(file, { force: true });
  };
}

interface Owner {
  pid: number;
  started: string;
}

function writeLock(file: string): void {
  const handle = openSync(file, "wx", 0o600);
  writeSync(handle, `${process.pid} ${startOf(process.pid)}\n`);
  closeSync(handle);
}

function ownerOf(file: string): Owner | undefined {
  try {
    const [pid, started = ""] = readFileSync(file, "utf8").trim().split(" ");
    return Number(pid) > 0 ? { pid: Number(pid), started } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, started }: Owner): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return started === "" || startOf(pid) === started;
}

/** When the process began, in the kernel's ticks, so that a number given out anew is told apart; "" where unknown. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
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

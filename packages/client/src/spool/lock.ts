import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { SpoolError } from "../errors.js";

/**
 * Folders that this process has open: finding its own id in a lock proves nothing if ids are reused, as in
 * containers.
 */
const open = new Set<string>();

/**
 * Locks a folder for this process, because two would delete each other's events; takes over the lock of a process
 * that has ended.
 * @returns the function that unlocks it
 * @throws SpoolError `in_use`
 */
export function lockFolder(dir: string): () => void {
  const file = `${dir}/lock`;
  const mine = `${file}.${process.pid}`;
  if (open.has(dir)) throw inUse(dir, process.pid);
  writeFileSync(mine, markOf(process.pid));
  try {
    for (let attempt = 0; !link(mine, file); attempt += 1) {
      const owner = read(file);
      const pid = Number(owner.split(" ")[0]);
      if (attempt > 8 || (pid !== process.pid && pid > 0 && markOf(pid) === owner)) throw inUse(dir, pid);
      // Only one of two simultaneous callers can move it away; the other then finds the new owner.
      rename(file, `${mine}.old`);
    }
  } finally {
    for (const left of [mine, `${mine}.old`]) rmSync(left, { force: true });
  }
  open.add(dir);
  return () => {
    open.delete(dir);
    rmSync(file, { force: true });
  };
}

const inUse = (dir: string, pid: number) =>
  new SpoolError("in_use", `${dir} is the spool of process ${pid}: give each process a folder of its own`);

/**
 * Identifies a process by id and start time, if the system shows it, so that a later process with the same id
 * differs; empty if it has ended.
 */
function markOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  if (stat !== "") return `${pid} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  try {
    process.kill(pid, 0);
    return `${pid} `;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? `${pid} ` : "";
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    // Another process was faster.
  }
}

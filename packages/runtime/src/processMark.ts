import { readFileSync } from "node:fs";

/** Identifies a process by id and start time, because ids are reused. */
export interface ProcessMark {
  pid: number;
  /** Empty if the system does not show it. */
  start: string;
}

/**
 * The fields of /proc/PID/stat after the name: state first, start time at index 19; undefined if there is no such
 * file.
 */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** The mark of a running process. */
export function markOf(pid: number): ProcessMark {
  return { pid, start: statOf(pid)?.[19] ?? "" };
}

/** The mark of this process. */
export function thisProcess(): ProcessMark {
  return markOf(process.pid);
}

/** Whether a process with this id runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return statOf(pid)?.[0] !== "Z";
}

/** Whether the marked process still runs. */
export function isSame({ pid, start }: ProcessMark): boolean {
  return isAlive(pid) && markOf(pid).start === start;
}

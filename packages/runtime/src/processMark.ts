import { readFileSync } from "node:fs";

/** A process, told from a later one of the same id by when it started. */
export interface ProcessMark {
  pid: number;
  /** Empty where the system does not tell. */
  start: string;
}

/** The fields of /proc/PID/stat after the name: state first, the start time at place 19; undefined off Linux. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** The mark of a process that runs now. */
export function markOf(pid: number): ProcessMark {
  return { pid, start: statOf(pid)?.[19] ?? "" };
}

/** The mark of this process. */
export function thisProcess(): ProcessMark {
  return markOf(process.pid);
}

/** Whether a process of this id runs; a zombie does not. */
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

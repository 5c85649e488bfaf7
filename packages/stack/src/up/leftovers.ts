import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { isSame, markOf, type ProcessMark } from "@quarterpast/runtime";

/** Services end by themselves when their parent has ended; any left after this are killed. */
const GRACE_MS = 10_000;

/** Writes down which services run, so that the next start finds those left by a killed one. */
export function noteProcesses(file: string, pids: readonly number[]): void {
  writeFileSync(`${file}.new`, JSON.stringify(pids.map(markOf)), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/**
 * Waits until the services of an earlier, killed start have ended, and kills those that stay. The caller holds the
 * lock.
 * @returns how many there were.
 */
export async function endLeftovers(file: string): Promise<number> {
  const left = readMarks(file).filter(isSame);
  for (const until = Date.now() + GRACE_MS; left.some(isSame) && Date.now() < until;) await delay(50);
  for (const mark of left.filter(isSame)) process.kill(mark.pid, "SIGKILL");
  while (left.some(isSame)) await delay(20);
  rmSync(file, { force: true });
  return left.length;
}

function readMarks(file: string): ProcessMark[] {
  try {
    const marks: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(marks) ? (marks as ProcessMark[]) : [];
  } catch {
    return [];
  }
}

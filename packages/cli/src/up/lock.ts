import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { CliError, EXIT } from "../exit.js";
import { isSame, thisProcess, type ProcessMark } from "./processMark.js";

/**
 * Takes the data directory for this `up`. The lock of a process that is gone is taken over.
 * @returns the function that gives it back.
 * @throws CliError 73 where another `up` runs on it.
 */
export function takeLock(file: string, dataDir: string): () => void {
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify(thisProcess()), { mode: 0o600 });
  try {
    // A link appears whole or not at all; a file that is created first and written then could be read empty.
    while (!tryLink(mine, file)) moveAside(file, dataDir);
  } finally {
    rmSync(mine, { force: true });
  }
  return () => rmSync(file, { force: true });
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function moveAside(file: string, dataDir: string): void {
  refuseLiving(readOwner(file), dataDir);
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  // Between reading and moving, another may have taken the lock: then it gets it back.
  const moved = readOwner(aside);
  if (moved && isSame(moved)) tryLink(aside, file);
  rmSync(aside, { force: true });
  refuseLiving(moved, dataDir);
}

function readOwner(file: string): ProcessMark | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as ProcessMark;
  } catch {
    return undefined;
  }
}

function refuseLiving(owner: ProcessMark | undefined, dataDir: string): void {
  if (!owner || !isSame(owner)) return;
  throw new CliError(EXIT.dataDir, {
    en: `the data directory ${dataDir} is in use by process ${owner.pid}: stop that one first, or choose another --data-dir (and --port-base)`,
    zh: `数据目录 ${dataDir} 正被进程 ${owner.pid} 使用：请先停止它，或用 --data-dir（及 --port-base）换一个`,
  });
}

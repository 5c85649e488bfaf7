import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isSame, thisProcess, type ProcessMark } from "./processMark.js";

/** A living process holds the lock. */
export class FileLocked extends Error {
  readonly pid: number;

  constructor(file: string, pid: number) {
    super(`${file} is held by process ${pid}`);
    this.name = "FileLocked";
    this.pid = pid;
  }
}

/**
 * Takes a lock file for this process. Takes over the lock of a process that has ended, even by SIGKILL.
 * @returns the function that releases it.
 * @throws FileLocked if a living process holds it; errors of the file system, unchanged.
 */
export function lockFile(file: string): () => void {
  const mine = `${file}.${randomUUID()}`;
  writeFileSync(mine, JSON.stringify(thisProcess()), { mode: 0o600 });
  try {
    // A link appears completely or not at all; a file that is created first and written afterwards could be read
    // while empty.
    while (!tryLink(mine, file)) moveAside(file);
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

function moveAside(file: string): void {
  refuseLiving(file, readOwner(file));
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  // Between reading and moving, another process may have taken the lock: then it gets it back.
  const moved = readOwner(aside);
  if (moved && isSame(moved)) tryLink(aside, file);
  rmSync(aside, { force: true });
  refuseLiving(file, moved);
}

function readOwner(file: string): ProcessMark | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as ProcessMark;
  } catch {
    return undefined;
  }
}

function refuseLiving(file: string, owner: ProcessMark | undefined): void {
  if (owner && isSame(owner)) throw new FileLocked(file, owner.pid);
}

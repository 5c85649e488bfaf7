import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, startOf } from "./processes.js";
import { StackError } from "./errors.js";

interface Owner {
  pid: number;
  start: string;
}

function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Owner;
  } catch {
    return undefined;
  }
}

function runs(owner: Owner): boolean {
  return isAlive(owner.pid) && startOf(owner.pid) === owner.start;
}

/**
 * Takes the directory for this process, so that two stacks do not end each other's servers; a lock whose process is gone
 * is taken over.
 * @returns the function that gives it back.
 * @throws StackError `data_dir_in_use`
 */
export function lockDir(dir: string): () => void {
  const file = join(dir, "lock");
  const mine = join(dir, `lock.${randomUUID()}`);
  writeFileSync(mine, JSON.stringify({ pid: process.pid, start: startOf(process.pid) } satisfies Owner), {
    mode: 0o600,
  });
  try {
    while (!tryLink(mine, file)) {
      const owner = readOwner(file);
      if (owner && runs(owner)) throw inUse(dir, owner.pid);
      removeStale(file);
    }
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

/** Another process may have replaced the stale lock since it was read: what was moved away is looked at again. */
function removeStale(file: string): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const owner = readOwner(aside);
  if (owner && runs(owner)) tryLink(aside, file);
  rmSync(aside, { force: true });
}

function inUse(dir: string, pid: number): StackError {
  return new StackError(
    "data_dir_in_use",
    `the data directory ${dir} is in use by process ${pid}; stop that one first, or choose another (--data-dir)`,
    `数据目录 ${dir} 正被进程 ${pid} 使用；请先停止它，或用 --data-dir 换一个目录`,
  );
}

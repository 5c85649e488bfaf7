import { mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Creates a folder and its missing parents, one at a time, because on file systems that refuse new folders (`/proc`)
 * Node's own recursive mkdir never returns.
 */
export function makeDir(dir: string, mode: number): void {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return;
  makeDir(dirname(dir), mode);
  mkdirSync(dir, { mode });
}

/** Creates a folder readable only by its owner. */
export function makePrivateDir(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
}

/** Writes a file readable only by its owner, completely or not at all. */
export function writePrivateFile(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

const LOG_LIMIT_BYTES = 10_000_000;

/** Starts a new log when it has grown large; keeps the previous one beside it. */
export function rotateLog(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) renameSync(file, `${file}.1`);
}

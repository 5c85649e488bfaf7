import { mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { StackError } from "../errors.js";

/**
 * Turns an error of the file system into one line that says what to do; returns other errors unchanged.
 * @param dir the data directory.
 */
export function explainFileError(error: unknown, dir: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new StackError(
      "data_dir",
      {
        en: `the disk that holds ${dir} is full: free some space, or choose another --data-dir`,
        zh: `${dir} 所在的磁盘已满：请清理空间，或用 --data-dir 换一个目录`,
      },
      error,
    );
  }
  if (
    code !== undefined &&
    ["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "ENOENT", "ENAMETOOLONG"].includes(code)
  ) {
    return new StackError(
      "data_dir",
      {
        en: `the data directory ${dir} cannot be used (${code}): choose another --data-dir, or make this one writable`,
        zh: `无法使用数据目录 ${dir}（${code}）：请用 --data-dir 换一个目录，或使其可写`,
      },
      error,
    );
  }
  return error;
}

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

import type { Text } from "@quarterpast/runtime";

/** Why a stack did not do what was asked. Stable: the CLI maps these to exit codes. */
export type StackErrorCode =
  | "port_in_use"
  | "data_dir_in_use"
  | "data_dir_out_of_reach"
  | "disk_full"
  | "postgres_missing"
  | "postgres_version"
  | "postgres_user"
  | "redis_missing"
  | "cache_dir_unusable"
  | "start_failed"
  /** Wrong options. */
  | "usage"
  /** Wrong settings. */
  | "settings"
  /** A needed server or port is unavailable. */
  | "unavailable"
  /** The data directory cannot be used in its present state. */
  | "data_dir"
  /** No running stack was found. */
  | "no_stack"
  /** It was asked to stop before it was ready. */
  | "interrupted";

/**
 * An error that a person can act on: one line that says what to do, in both languages. `message` is the English one.
 */
export class StackError extends Error {
  readonly code: StackErrorCode;
  readonly text: Text;

  constructor(code: StackErrorCode, text: Text, cause?: unknown) {
    super(text.en, { cause });
    this.name = "StackError";
    this.code = code;
    this.text = text;
  }
}

/** Another program uses the port. */
export function portInUse(server: string, port: number): StackError {
  return new StackError("port_in_use", {
    en: `port ${port} for ${server} is in use; end the program that has it, or choose other ports (--port-base)`,
    zh: `${server} 的端口 ${port} 已被占用；请结束占用它的程序，或用 --port-base 换一组端口`,
  });
}

/** The directory cannot be used by the required user. */
export function outOfReach(dir: string, user: string, cause?: unknown): StackError {
  return new StackError(
    "data_dir_out_of_reach",
    {
      en: `the data directory ${dir} cannot be used by user ${user}; choose another (--data-dir) or give that user access`,
      zh: `用户 ${user} 无法使用数据目录 ${dir}；请用 --data-dir 换一个目录，或给该用户访问权限`,
    },
    cause,
  );
}

/** The disk that holds the directory is full. */
export function diskFull(dir: string, cause?: unknown): StackError {
  return new StackError(
    "disk_full",
    {
      en: `the disk that holds ${dir} is full; free some space or choose another directory (--data-dir)`,
      zh: `${dir} 所在的磁盘已满；请清理空间，或用 --data-dir 换一个目录`,
    },
    cause,
  );
}

/** The server ended or never answered; `reason` is its last output. */
export function startFailed(server: string, reason: string, logFile: string): StackError {
  return new StackError("start_failed", {
    en: `${server} did not start: ${reason}; more is in ${logFile}`,
    zh: `${server} 未能启动：${reason}；详情见 ${logFile}`,
  });
}

const UNUSABLE = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "ENOENT", "ENAMETOOLONG"]);

/** Turns an error of the file system into one line; other errors stay as they are. */
export function explainFileError(error: unknown, dir: string, user = userName()): unknown {
  const { code = "", syscall = "" } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") return diskFull(dir, error);
  // A program that is not there is none of the directory's.
  const isFile = !syscall.startsWith("spawn");
  return isFile && UNUSABLE.has(code) ? outOfReach(dir, user, error) : error;
}

/** The user this process runs as, for messages. */
export function userName(): string {
  return process.env.USER || process.env.LOGNAME || String(process.getuid?.() ?? "?");
}

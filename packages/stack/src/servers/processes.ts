import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  truncateSync,
} from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive } from "@quarterpast/runtime";

export { isAlive };

/**
 * Whether the process is the server that works in the directory. On Linux its working directory shows that, because
 * both Postgres and Redis change into their data directory. Elsewhere its command line must name the program.
 */
export function isServerOf(pid: number, program: RegExp, dir: string): boolean {
  if (!isAlive(pid)) return false;
  try {
    if (process.platform === "linux") {
      const executable = readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, "");
      return program.test(executable) && readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dir);
    }
    return program.test(execFileSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" }));
  } catch {
    return false;
  }
}

/** All processes of such a server, including children. Only on Linux; none elsewhere. */
export function processesOf(program: RegExp, dir: string): number[] {
  if (process.platform !== "linux") return [];
  const pids = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => isServerOf(pid, program, dir));
}

/** Sends the signals one after the other until the process has ended; finally SIGKILL. */
export async function endProcess(pid: number, signals: [NodeJS.Signals, waitMs: number][]): Promise<void> {
  for (const [signal, waitMs] of [...signals, ["SIGKILL", 5_000] as const]) {
    if (!isAlive(pid)) return;
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    for (const until = Date.now() + waitMs; isAlive(pid) && Date.now() < until;) await delay(20);
  }
}

const LOG_LIMIT_BYTES = 20_000_000;

/**
 * Starts a server in its own session, so that a terminal's Ctrl-C does not end it before its users. It writes to the
 * log file, because a pipe would block it when its parent does not read.
 */
export function spawnServer(
  command: string,
  args: string[],
  options: { logFile: string; env: NodeJS.ProcessEnv; cwd: string; uid?: number; gid?: number },
): ChildProcess {
  const { logFile, ...rest } = options;
  const log = openSync(logFile, "a", 0o600);
  try {
    if (statSync(logFile).size > LOG_LIMIT_BYTES) truncateSync(logFile);
    return spawn(command, args, { ...rest, stdio: ["ignore", log, log], detached: true });
  } finally {
    closeSync(log);
  }
}

/** Resolves with the exit code when the child has ended: null if by a signal, -1 if it could not be started. */
export function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once("exit", (code) => resolve(code));
    child.once("error", () => resolve(-1));
  });
}

/** What was added to the log file since it had `from` bytes. */
export function logSince(logFile: string, from: number): string {
  try {
    return readFileSync(logFile).subarray(from).toString("utf8").slice(-20_000);
  } catch {
    return "";
  }
}

/** The size of a file; 0 if there is none. */
export function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

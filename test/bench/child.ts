import { fork, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

/** A process of a measured pipeline. */
export interface Child {
  pid: number;
  /** The port it listens on, if its ready message has one. */
  port: number | undefined;
  /** Resident memory now, bytes. */
  memory(): number;
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 30_000;

/** Starts a module as a process, on any port, and waits for its first message. Output goes to the log file. */
export async function startChild(
  main: string,
  env: Record<string, string>,
  logFile: string,
  execArgv: string[] = [],
): Promise<Child> {
  const log = openSync(logFile, "a");
  const child = fork(main, [], {
    env: { PATH: process.env.PATH, LOG_LEVEL: "warn", PORT: "0", ...env },
    stdio: ["ignore", log, log, "ipc"],
    execArgv,
  });
  closeSync(log);
  const { port } = await new Promise<{ port?: number }>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${main} was not ready in time`)), READY_WITHIN_MS);
    child.once("message", (told) => (clearTimeout(timer), resolve(told as { port?: number })));
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`${main} ended with ${code}:\n${readFileSync(logFile, "utf8").slice(-2_000)}`));
    });
  });
  return { pid: child.pid!, port, memory: () => residentBytes(child.pid!), stop: () => end(child) };
}

/** Resident memory of a process in bytes, from /proc; 0 if there is none. */
export function residentBytes(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Number(kilobytes ?? 0) * 1_024;
  } catch {
    return 0;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await gone;
}

import { fork, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export type ServiceKind = "collector" | "aggregator" | "reporter";

/** A service of the product as a process that a supervisor restarts whenever it ends. */
export interface Managed {
  kind: ServiceKind;
  name: string;
  /** When it was last ready, real milliseconds. */
  readySince(): number | undefined;
  isStopped(): boolean;
  start(): Promise<void>;
  /** SIGKILL; the supervisor restarts it. False if it does not run. */
  kill(): boolean;
  pause(): boolean;
  resume(): void;
  /** SIGTERM, then a restart. */
  restart(): void;
  /** SIGTERM for good; resolves when it has ended. */
  stop(): Promise<void>;
  pid(): number | undefined;
  /** How often it ended by SIGKILL, and the codes with which it exited by itself. */
  ends: { killed: number; codes: (number | null)[] };
}

export interface ManagedOptions {
  kind: ServiceKind;
  name: string;
  main: string;
  cwd: string;
  /** The environment for the next start. */
  env: () => Record<string, string>;
  logFile: string;
  restartAfterMs: () => number;
}

const STOP_WITHIN_MS = 15_000;

/** Prepares a service; nothing runs until `start`. */
export function createManaged(options: ManagedOptions): Managed {
  const { kind, name, main, cwd, env, logFile } = options;
  const ends: Managed["ends"] = { killed: 0, codes: [] };
  let child: ChildProcess | undefined;
  let ready: number | undefined;
  let isStopped = false;
  let isOver = false;

  function launch(): void {
    const log = openSync(logFile, "a");
    const started = fork(main, [], {
      cwd,
      env: { PATH: process.env.PATH, LOG_LEVEL: "info", ...env() },
      stdio: ["ignore", log, log, "ipc"],
      execArgv: [],
    });
    closeSync(log);
    child = started;
    ready = undefined;
    isStopped = false;
    started.once("message", () => (ready = Date.now()));
    started.once("exit", (code, signal) => {
      if (child === started) child = undefined;
      ready = undefined;
      if (signal === "SIGKILL") ends.killed += 1;
      else ends.codes.push(code);
      if (!isOver) setTimeout(() => !isOver && launch(), options.restartAfterMs());
    });
  }

  return {
    kind,
    name,
    ends,
    readySince: () => ready,
    isStopped: () => isStopped,
    async start() {
      launch();
      for (const until = Date.now() + 60_000; ready === undefined; await sleep(20)) {
        if (Date.now() > until) throw new Error(`${name} was not ready in time; see ${logFile}`);
      }
    },
    kill: () => child?.kill("SIGKILL") ?? false,
    pause() {
      isStopped = child?.kill("SIGSTOP") ?? false;
      return isStopped;
    },
    resume() {
      isStopped = false;
      child?.kill("SIGCONT");
    },
    restart: () => void child?.kill("SIGTERM"),
    pid: () => child?.pid,
    async stop() {
      isOver = true;
      const ending = child;
      if (!ending) return;
      const gone = new Promise((resolve) => ending.once("exit", resolve));
      ending.kill("SIGCONT");
      ending.kill("SIGTERM");
      const late = setTimeout(() => ending.kill("SIGKILL"), STOP_WITHIN_MS);
      await gone;
      clearTimeout(late);
    },
  };
}

import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { nodeFlagsOf } from "@quarterpast/runtime";
import { rotateLog } from "./files.js";
import type { Part, RunningPart } from "./part.js";

/** A service stops within 10 s by itself; one that hangs is killed after this. */
const STOP_WITHIN_MS = 12_000;

/** A service of ours as a separate process, which ends when its channel to this process closes. */
export function servicePart(options: { name: string; logFile: string; env: NodeJS.ProcessEnv }): Part {
  const { name, logFile, env } = options;
  rotateLog(logFile);
  return { name, logFile, start: async () => spawnService(name, logFile, env) };
}

function spawnService(name: string, logFile: string, env: NodeJS.ProcessEnv): RunningPart {
  const entry = fileURLToPath(import.meta.resolve(`@quarterpast/${name}/main`));
  const log = openSync(logFile, "a", 0o600);
  const child = spawn(process.execPath, [...nodeFlagsOf(name), entry], {
    env,
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  const exited = new Promise<number | null>((resolve) => {
    child.once("exit", (code) => resolve(code));
    child.once("error", () => resolve(-1));
  });
  return {
    pid: child.pid ?? 0,
    exited,
    async stop() {
      child.kill("SIGTERM");
      const timer = new AbortController();
      const late = delay(STOP_WITHIN_MS, undefined, { signal: timer.signal }).then(
        () => child.kill("SIGKILL"),
        () => undefined,
      );
      await Promise.race([exited, late.then(() => exited)]);
      timer.abort();
    },
  };
}

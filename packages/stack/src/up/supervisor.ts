import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { backoffMs, type Backoff, type Text } from "@quarterpast/runtime";
import type { Part, RunningPart } from "./part.js";

/** A part that is kept running. */
export interface Supervised {
  name: string;
  logFile: string;
  /** Id of its process; undefined between two runs. */
  pid(): number | undefined;
  /** How its last run ended; undefined during the first. */
  lastExit(): number | null | undefined;
  /** Ends it without a restart. */
  stop(): Promise<void>;
  /** Like `stop`, but immediately, by SIGKILL. */
  kill(): void;
}

export interface SupervisorOptions {
  tell: (text: Text) => void;
  /** Called at every start except the first. */
  onRestarted?: (name: string) => void;
  /** Called at every change of a process id. */
  onChanged?: () => void;
  backoff?: Backoff & { resetAfterMs: number };
}

const BACKOFF = { firstMs: 100, capMs: 1_000, resetAfterMs: 10_000 };

/**
 * Starts a part and restarts it whenever it ends. If it keeps ending immediately, it is retried at most every
 * `capMs`, with a line each time that names its log.
 * @throws what the first start throws.
 */
export async function supervise(part: Part, options: SupervisorOptions): Promise<Supervised> {
  const { tell, onChanged = () => {}, backoff = BACKOFF } = options;
  const ending = new AbortController();
  let running: RunningPart | undefined = await part.start();
  let lastExit: number | null | undefined;
  onChanged();
  const kept = keep(running);

  async function keep(first: RunningPart): Promise<void> {
    let current = first;
    let failures = 0;
    let ends = 0;
    for (;;) {
      const startedAt = performance.now();
      lastExit = await current.exited;
      running = undefined;
      if (ending.signal.aborted) return;
      onChanged();
      const isSettled = performance.now() - startedAt >= backoff.resetAfterMs;
      failures = isSettled ? 1 : failures + 1;
      ends = isSettled ? 1 : ends + 1;
      tell(endedLine(part, lastExit, ends));
      const next = await startAgain(failures);
      if (!next) return;
      current = next;
    }
  }

  async function startAgain(failuresSoFar: number): Promise<RunningPart | undefined> {
    for (let failures = failuresSoFar; ; failures += 1) {
      await delay(backoffMs(backoff, failures), undefined, { signal: ending.signal }).catch(() => undefined);
      if (ending.signal.aborted) return undefined;
      try {
        running = await part.start();
      } catch (error) {
        tell(cannotStartLine(part, error));
        continue;
      }
      if (ending.signal.aborted) await running.stop();
      onChanged();
      options.onRestarted?.(part.name);
      return running;
    }
  }

  return {
    name: part.name,
    logFile: part.logFile,
    pid: () => running?.pid,
    lastExit: () => lastExit,
    async stop() {
      ending.abort();
      await running?.stop();
      await kept;
    },
    kill() {
      ending.abort();
      if (running) process.kill(running.pid, "SIGKILL");
    },
  };
}

function endedLine({ name, logFile }: Part, code: number | null, ends: number): Text {
  const how =
    code === null ? { en: "was killed", zh: "被终止" } : { en: `ended with ${code}`, zh: `退出（${code}）` };
  if (ends < 3) {
    return { en: `${name} ${how.en}; starting it again`, zh: `${name} ${how.zh}，正在重新启动` };
  }
  return {
    en: `${name} ${how.en}, ${ends} times in a row; why is in ${logFile}; starting it again`,
    zh: `${name} 已连续 ${ends} 次${how.zh}，原因见 ${logFile}；正在重新启动`,
  };
}

function cannotStartLine({ name, logFile }: Part, error: unknown): Text {
  const text = (error as { text?: Text }).text;
  const why = text ?? { en: (error as Error).message, zh: (error as Error).message };
  return {
    en: `${name} cannot be started: ${why.en}; trying again (log: ${logFile})`,
    zh: `${name} 无法启动：${why.zh}；正在重试（日志：${logFile}）`,
  };
}

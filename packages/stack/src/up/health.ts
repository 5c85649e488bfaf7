import { setTimeout as delay } from "node:timers/promises";
import { StackError } from "../errors.js";
import type { Supervised } from "./supervisor.js";

/** A service to wait for. */
export interface Awaited {
  part: Supervised;
  /** Its address, without a path. */
  url: string;
}

const READY_WITHIN_MS = 90_000;
const POLL_MS = 50;
const SETTINGS_EXIT = 78;

/**
 * Waits until every service says that it is ready.
 * @param onReady called for each as it becomes ready.
 * @throws StackError `unavailable` naming what is not ready in time, `settings` for a service with invalid settings.
 */
export async function waitUntilReady(
  services: readonly Awaited[],
  {
    signal,
    onReady,
    withinMs = READY_WITHIN_MS,
  }: { signal: AbortSignal; onReady: (name: string) => void; withinMs?: number },
): Promise<void> {
  const until = Date.now() + withinMs;
  const failed = new AbortController();
  const ended = AbortSignal.any([signal, failed.signal]);
  const waits = services.map(async (service) => {
    const problem = await waitForOne(service, until, ended);
    if (problem === undefined) onReady(service.part.name);
    return problem === undefined ? [] : [{ part: service.part, problem }];
  });
  const problems = await Promise.all(waits).finally(() => failed.abort());
  signal.throwIfAborted();
  const late = problems.flat();
  if (late.length === 0) return;
  const shown = (separator: string) =>
    late.map(({ part, problem }) => `${part.name} (${problem}; ${part.logFile})`).join(separator);
  throw new StackError("unavailable", {
    en: `not ready within ${withinMs / 1000} s: ${shown(", ")}`,
    zh: `${withinMs / 1000} 秒内未就绪：${shown("、")}`,
  });
}

async function waitForOne(
  { part, url }: Awaited,
  until: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  let problem = "no answer";
  while (Date.now() < until && !signal.aborted) {
    const told = await askReady(url);
    if (told === undefined) return undefined;
    problem = told;
    if (part.lastExit() === SETTINGS_EXIT) throw settingsError(part);
    await delay(POLL_MS);
  }
  return problem;
}

/** @returns why the service is not ready; undefined if it is. */
export async function askReady(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${url}/healthz/ready`, { signal: AbortSignal.timeout(5_000) });
    const body = await answer.text();
    return answer.ok ? undefined : detailOf(body, answer.status);
  } catch {
    return "no answer";
  }
}

function detailOf(body: string, status: number): string {
  try {
    const { detail, title } = JSON.parse(body) as { detail?: string; title?: string };
    return detail ?? title ?? `answers ${status}`;
  } catch {
    return `answers ${status}`;
  }
}

function settingsError({ name, logFile }: Supervised): StackError {
  return new StackError("settings", {
    en: `${name} cannot use its settings: the last lines of ${logFile} name them`,
    zh: `${name} 的设置无效：详见 ${logFile} 的最后几行`,
  });
}

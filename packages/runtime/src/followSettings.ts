import type { Logger } from "./log.js";
import { readTexts, SettingsError, type SettingsProblem } from "./settings.js";

/** A value that follows the files its settings are read from. */
export interface Followed<T> {
  value: () => T;
  stop: () => void;
}

export type FollowedRead<T> = { ok: true; value: T } | { ok: false; problem: SettingsProblem };

const EVERY_MS = 1_000;

/**
 * Reads settings as `readSettings` does, and those given as `NAME_FILE` again when the file's content changes: no
 * restart. Content that cannot be used is told in the log, and what held before goes on holding.
 * @throws SettingsError where the settings cannot be used at the start.
 */
export function followSettings<T, N extends string>(
  names: readonly N[],
  env: NodeJS.ProcessEnv,
  read: (texts: Partial<Record<N, string | undefined>>) => FollowedRead<T>,
  { logger, everyMs = EVERY_MS }: { logger: Logger; everyMs?: number },
): Followed<T> {
  const readNow = () => {
    const texts = readTexts(names, env);
    const result = read(texts);
    if (!result.ok) throw new SettingsError([result.problem]);
    return { value: result.value, seen: JSON.stringify(texts) };
  };
  let current = readNow();
  let told = "";
  const timer = setInterval(() => {
    try {
      const next = readNow();
      if (next.seen !== current.seen) logger.info({ settings: names }, "read again");
      current = next;
      told = "";
    } catch (error) {
      const problem = error instanceof SettingsError ? error.lines("en").join("; ") : String(error);
      if (problem !== told) logger.error({ problem }, "changed settings cannot be used; the old ones hold");
      told = problem;
    }
  }, everyMs);
  timer.unref();
  return { value: () => current.value, stop: () => clearInterval(timer) };
}

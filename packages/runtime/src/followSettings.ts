import type { Logger } from "./log.js";
import { readTexts, SettingsError, type SettingsProblem } from "./settings.js";

/** A value that follows the files from which its settings are read. */
export interface Followed<T> {
  value: () => T;
  stop: () => void;
}

export type FollowedRead<T> = { ok: true; value: T } | { ok: false; problem: SettingsProblem };

const EVERY_MS = 1_000;

/**
 * Reads settings as `readSettings` does, and reads those given as `NAME_FILE` again when the file's content changes,
 * without a restart. Invalid content is logged, and the previous value stays in force.
 * @throws SettingsError if the settings are invalid at the start.
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
      if (problem !== told)
        logger.error({ problem }, "changed settings are invalid; the old ones stay in force");
      told = problem;
    }
  }, everyMs);
  timer.unref();
  return { value: () => current.value, stop: () => clearInterval(timer) };
}

import { readFileSync } from "node:fs";
import { z } from "zod";
import { settingRights } from "./settingRows.js";
import type { Language, Text } from "./text.js";

/** One invalid setting: its name, the value found (secrets hidden), and what is expected. */
export interface SettingsProblem {
  /** Code of the account that it belongs to; empty if it belongs to none. */
  account?: string;
  name: string;
  value: string;
  right: Text;
}

/** All problems of the settings at once. `lines(language)` returns one line for each. */
export class SettingsError extends Error {
  readonly problems: readonly SettingsProblem[];

  constructor(problems: readonly SettingsProblem[]) {
    super(problems.map((problem) => line(problem, "en")).join("; "));
    this.name = "SettingsError";
    this.problems = problems;
  }

  lines(language: Language): string[] {
    return this.problems.map((problem) => line(problem, language));
  }
}

function line({ account = "", name, value, right }: SettingsProblem, language: Language): string {
  if (language === "zh") {
    const what = account ? `账号 ${account} 的 ${name}` : `设置 ${name}`;
    return `${what} 现为 ${value || "（未设置）"}，应为：${right.zh}`;
  }
  const what = account ? `account ${account}: ${name}` : `setting ${name}`;
  return `${what} is ${value || "(not set)"}; expected: ${right.en}`;
}

/**
 * An error thrown elsewhere that names a setting and what is expected, as a SettingsError; undefined for any other
 * error.
 */
export function settingsErrorOf(error: unknown): SettingsError | undefined {
  if (error instanceof SettingsError) return error;
  const problem = error instanceof Error && "problem" in error ? error.problem : undefined;
  const isOne = typeof problem === "object" && problem !== null && "name" in problem && "right" in problem;
  return isOne ? new SettingsError([problem as SettingsProblem]) : undefined;
}

/**
 * Reads settings from the environment; the schema's keys are the variables' names. `FOO_FILE` names a file that
 * contains FOO (one trailing line end is cut). An empty string counts as unset.
 * @throws SettingsError with every problem found.
 */
export function readSettings<S extends z.ZodObject>(schema: S, env: NodeJS.ProcessEnv): z.output<S> {
  const problems: SettingsProblem[] = [];
  const input: Record<string, string | undefined> = {};
  for (const name of Object.keys(schema.shape)) input[name] = readOne(name, env, problems);
  const parsed = schema.safeParse(input);
  for (const issue of parsed.error?.issues ?? []) {
    const name = issue.path.length === 0 ? "(settings)" : String(issue.path[0]);
    if (problems.some((known) => known.name === name || known.name === `${name}_FILE`)) continue;
    problems.push({ name, value: shown(name, input[name]), right: rightOf(issue) });
  }
  if (!parsed.success || problems.length > 0) throw new SettingsError(problems);
  return parsed.data;
}

/**
 * The unparsed texts of settings, each direct or from its file.
 * @throws SettingsError for files that cannot be read.
 */
export function readTexts<N extends string>(
  names: readonly N[],
  env: NodeJS.ProcessEnv,
): Partial<Record<N, string | undefined>> {
  const problems: SettingsProblem[] = [];
  const texts: Partial<Record<N, string | undefined>> = {};
  for (const name of names) texts[name] = readOne(name, env, problems);
  if (problems.length > 0) throw new SettingsError(problems);
  return texts;
}

function readOne(name: string, env: NodeJS.ProcessEnv, problems: SettingsProblem[]): string | undefined {
  const direct = env[name] || undefined;
  const file = env[`${name}_FILE`] || undefined;
  if (file === undefined) return direct;
  if (direct !== undefined) {
    const right = { en: `unset, as ${name} is set too`, zh: `不设置，因为 ${name} 也已设置` };
    problems.push({ name: `${name}_FILE`, value: file, right });
    return undefined;
  }
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "") || undefined;
  } catch {
    const right = { en: "the path of a file this user can read", zh: "当前用户可读的文件路径" };
    problems.push({ name: `${name}_FILE`, value: file, right });
    return undefined;
  }
}

const SECRET_NAME = /KEY|SECRET|PASSWORD|TOKEN|CREDENTIAL|_SK$/i;

function shown(name: string, value: string | undefined): string {
  if (value === undefined) return "";
  if (SECRET_NAME.test(name)) return "(hidden)";
  return JSON.stringify(value.replace(/\/\/[^/@]*@/, "//***@"));
}

const speakChinese = z.locales.zhCN().localeError;

function rightOf(issue: z.core.$ZodIssue): Text {
  if (issue.code === "custom" && typeof issue.params?.zh === "string") {
    return { en: issue.message, zh: issue.params.zh };
  }
  const chinese = speakChinese(issue as never);
  return {
    en: issue.message,
    zh: typeof chinese === "string" ? chinese : (chinese?.message ?? issue.message),
  };
}

/**
 * A setting with its own rule: `read` returns its value, or undefined if the text breaks the rule; `right` describes
 * a valid value, `show` formats one. Chain `.default(value)` or `.optional()` if it need not be set, and
 * `.register(settingMeanings, meaning)` last.
 */
export function setting<T>(
  right: Text,
  read: (text: string) => T | undefined,
  show: (value: T) => string = String,
) {
  const made = z.unknown().transform((text, context): T => {
    const value = typeof text === "string" ? read(text) : undefined;
    if (value !== undefined) return value;
    context.issues.push({ code: "custom", message: right.en, params: { zh: right.zh }, input: text });
    return z.NEVER;
  });
  settingRights.add(made, { right, show: show as (value: unknown) => string });
  return made;
}

/** Any text that is not empty; `right` says what it is for. */
export const textSetting = (right: Text) => setting(right, (text) => text);

/** A whole number within the bounds, both included. */
export const integerSetting = (min: number, max: number) =>
  setting({ en: `a whole number from ${min} to ${max}`, zh: `${min} 至 ${max} 之间的整数` }, (text) =>
    /^-?\d{1,15}$/.test(text) && +text >= min && +text <= max ? +text : undefined,
  );

/** A TCP port; 0 takes any free one. */
export const portSetting = () => integerSetting(0, 65_535);

/** A URL with one of the protocols, which are given without the colon. */
export const urlSetting = (...protocols: string[]) =>
  setting(
    {
      en: `a URL that begins with ${protocols.map((p) => `${p}://`).join(" or ")}`,
      zh: `以 ${protocols.map((p) => `${p}://`).join(" 或 ")} 开头的网址`,
    },
    (text) =>
      URL.canParse(text) && protocols.includes(new URL(text).protocol.slice(0, -1)) ? text : undefined,
  );

const LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
/** How much is logged. */
export type LogLevel = (typeof LEVELS)[number];

/** A log level. */
export const logLevelSetting = () =>
  setting({ en: `one of ${LEVELS.join(", ")}`, zh: `${LEVELS.join("、")} 之一` }, (text) =>
    LEVELS.find((level) => level === text),
  );

/** true or false (also 1/0, yes/no, on/off). */
export const booleanSetting = () =>
  setting({ en: "true or false", zh: "true 或 false" }, (text) => {
    if (/^(true|1|yes|on)$/i.test(text)) return true;
    return /^(false|0|no|off)$/i.test(text) ? false : undefined;
  });

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration such as `500ms`, `10s`, `5m`, `2h`, `1d`; a bare number is milliseconds. Returns milliseconds. */
export const durationSetting = () =>
  setting(
    { en: "a duration such as 500ms, 10s, 5m or 2h", zh: "时长，例如 500ms、10s、5m、2h" },
    (text) => {
      const match = /^(\d{1,9})(ms|s|m|h|d)?$/.exec(text);
      return match ? Number(match[1]) * UNIT_MS[match[2] ?? "ms"]! : undefined;
    },
    (ms) => {
      const [unit, size] = Object.entries(UNIT_MS).findLast(([, each]) => ms % each === 0)!;
      return `${ms / size}${unit}`;
    },
  );

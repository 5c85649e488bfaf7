/** A message for a person, in both languages of the product. */
export interface Text {
  en: string;
  zh: string;
}

export type Language = keyof Text;

let spoken: Language = "en";

/** The language of this run. */
export function language(): Language {
  return spoken;
}

/** Sets the language of this run; main does so once, before any text is made. */
export function speak(language: Language): void {
  spoken = language;
}

/** The text in the language of this run. */
export function say(text: Text): string {
  return text[spoken];
}

/**
 * The language of this terminal: `QUARTERPAST_LANG`, else the locale variables; English unless they name Chinese. The
 * same rule as `languageOf` in runtime, which would double the start time of a short command if loaded.
 */
export function terminalLanguage(env: NodeJS.ProcessEnv): Language {
  const locale = env.QUARTERPAST_LANG || env.LC_ALL || env.LC_MESSAGES || env.LANG || "";
  return /^zh/i.test(locale) ? "zh" : "en";
}

/**
 * Takes `--lang zh|en` out of the arguments, at any position, because help texts need it before anything is parsed.
 * @returns the language asked for, the value if it is neither of the two, and the other arguments.
 */
export function takeLanguage(args: readonly string[]): {
  asked?: Language | undefined;
  wrong?: string | undefined;
  rest: string[];
} {
  const end = args.indexOf("--");
  const at = args.findIndex(
    (arg, index) => (end < 0 || index < end) && (arg === "--lang" || arg.startsWith("--lang=")),
  );
  if (at < 0) return { rest: [...args] };
  const isJoined = args[at]!.startsWith("--lang=");
  const value = isJoined ? args[at]!.slice("--lang=".length) : (args[at + 1] ?? "");
  const rest = args.filter((_, index) => index !== at && (isJoined || index !== at + 1));
  return value === "zh" || value === "en" ? { asked: value, rest } : { wrong: value, rest };
}

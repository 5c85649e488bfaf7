/** A message for a person, in both languages of the product. */
export interface Text {
  en: string;
  zh: string;
}

/** A language of the product. */
export type Language = keyof Text;

/**
 * The language for a person at this terminal. `QUARTERPAST_LANG` decides, else the usual locale variables; English
 * unless they name Chinese.
 */
export function languageOf(env: NodeJS.ProcessEnv): Language {
  const locale = env.QUARTERPAST_LANG || env.LC_ALL || env.LC_MESSAGES || env.LANG || "";
  return /^zh/i.test(locale) ? "zh" : "en";
}

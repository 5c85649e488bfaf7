/** Control characters and lone surrogates: no id or code has them, and no database takes all of them. */
const ODD = /[\p{Cc}\p{Cs}]/u;

/** An id or code as a file tells it; undefined where there is none, or one that cannot be. */
export function plainText(text: string): string | undefined {
  return text === "" || ODD.test(text) ? undefined : text;
}

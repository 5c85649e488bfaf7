/** Control characters and lone surrogates: not part of any id or code, and not all databases can store them. */
const ODD = /[\p{Cc}\p{Cs}]/u;

/** An id or code from a file; undefined if it is empty or impossible. */
export function plainText(text: string): string | undefined {
  return text === "" || ODD.test(text) ? undefined : text;
}

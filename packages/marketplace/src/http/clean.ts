/** Text that every database can store: without NUL and lone surrogates, and no longer than `maxChars`. */
export function cleanText(text: string, maxChars: number): string {
  return text.slice(0, maxChars).replace(/[\0\p{Surrogate}]/gu, "\ufffd");
}

const RAW_REPLY_BYTES = 64 * 1024;

/** A reply as evidence: text, cut at 64 KB. */
export function replyText(body: Buffer): string {
  return cleanText(body.subarray(0, RAW_REPLY_BYTES).toString("utf8"), RAW_REPLY_BYTES);
}

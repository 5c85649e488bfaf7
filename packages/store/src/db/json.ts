/** A value that jsonb accepts: without NUL and unpaired surrogates, which Postgres refuses. */
export function jsonb(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => (typeof part === "string" ? storable(part) : part));
}

function storable(text: string): string {
  return Buffer.from(text.replaceAll("\0", ""), "utf8").toString("utf8");
}

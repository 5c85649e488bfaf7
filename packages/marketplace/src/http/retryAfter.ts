/**
 * Real ms to wait according to a Retry-After header: seconds, or a date compared with the reply's own Date header, so
 * that our clock does not matter.
 */
export function retryAfterMs(header: unknown, date: unknown): number | undefined {
  if (typeof header !== "string") return undefined;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  const wait = Date.parse(header) - (typeof date === "string" ? Date.parse(date) : Number.NaN);
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

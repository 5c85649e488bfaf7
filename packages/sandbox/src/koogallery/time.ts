export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const COMPACT = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;

/**
 * Reads `yyyyMMdd'T'HHmmss'Z'` (KooGallery specification 1.4). Returns milliseconds since the epoch, or null if the
 * text has another form or names a nonexistent moment (month 13, 30 February, hour 24).
 */
export function parseCompact(text: string): number | null {
  const match = COMPACT.exec(text);
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as Six;
  const instant = Date.UTC(year, month - 1, day, hour, minute, second);
  return formatCompact(instant) === text ? instant : null;
}

type Six = [number, number, number, number, number, number];

/** Writes milliseconds since the epoch as `yyyyMMdd'T'HHmmss'Z'`; fractions of a second are cut. */
export function formatCompact(instant: number): string {
  return new Date(instant).toISOString().replace(/\.\d+/, "").replaceAll("-", "").replaceAll(":", "");
}

/** Writes milliseconds since the epoch as ISO 8601 in UTC, without a fraction if it is zero. */
export function formatIso(instant: number): string {
  return new Date(instant).toISOString().replace(".000Z", "Z");
}

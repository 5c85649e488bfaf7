import { parseInstant, type Micros } from "@quarterpast/domain";

const PARTS = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{3})?$/;

/** Reads `yyyyMMddHHmmss` with or without `SSS`, UTC, blanks around it allowed; undefined if it is anything else. */
export function parseDigits(text: string): Micros | undefined {
  const match = PARTS.exec(text.trim());
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, ms = "000"] = match;
  return parseInstant(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
}

/** Writes `yyyyMMddHHmmssSSS`, UTC. */
export function formatDigits(at: Micros): string {
  return new Date(Math.floor(at / 1_000)).toISOString().replace(/\D/g, "");
}

/**
 * The time of a V2.0 call: milliseconds according to its examples, seconds in some copies of its guide, distinguished
 * by the number of digits (koogallery.md 3.1). Undefined if it is neither.
 */
export function parseTimestamp(text: string): Micros | undefined {
  if (/^\d{13}$/.test(text)) return Number(text) * 1_000;
  return /^\d{10}$/.test(text) ? Number(text) * 1_000_000 : undefined;
}

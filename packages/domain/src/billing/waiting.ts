import type { Period } from "./period.js";
import { MINUTE, type Micros } from "../time.js";

/** A record in a call of unknown outcome, compared with a statement of the marketplace. */
export interface WaitingRecord {
  seq: number;
  begin: Micros;
  /** The statement has a line for it, in whatever state, or an earlier statement settled it. */
  isThere: boolean;
}

/** What a statement covers, and when it was requested (product time). */
export interface StatementScope {
  complete: boolean;
  /** The range of the records' begins. */
  range: Period | undefined;
  askedAt: Micros;
}

/** What a statement decides about a waiting call. */
export type WaitingVerdict =
  /** It proves nothing; a later one may. */
  | { kind: "waits" }
  /** All of it was taken. */
  | { kind: "there" }
  /** These records, all or some of them, certainly were not taken: they are sent again unchanged. */
  | { kind: "missing"; seqs: number[] };

/**
 * A list may lag behind what the marketplace has just taken: a record's absence counts only this long after the call.
 */
export const STATEMENT_LAG: Micros = 2 * MINUTE;

/**
 * Whether a statement proves that a record is absent: it is complete for the record's begin and was requested long
 * enough after the call.
 */
export function provesAbsence(
  { complete, range, askedAt }: StatementScope,
  begin: Micros,
  sentAt: Micros,
): boolean {
  if (!complete || range === undefined) return false;
  return range.from <= begin && begin < range.to && askedAt >= sentAt + STATEMENT_LAG;
}

/**
 * Settles, as a whole, a call that must not be resent blindly: none of its records moves until all of them are known.
 * @param sentAt when its outcome became unknown, product time
 */
export function judgeWaiting(
  records: readonly WaitingRecord[],
  sentAt: Micros,
  statement: StatementScope,
): WaitingVerdict {
  const missing = records.filter(({ isThere }) => !isThere);
  if (missing.length === 0) return { kind: "there" };
  if (!missing.every(({ begin }) => provesAbsence(statement, begin, sentAt))) return { kind: "waits" };
  return { kind: "missing", seqs: missing.map(({ seq }) => seq) };
}

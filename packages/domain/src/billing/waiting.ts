import type { Period } from "./period.js";
import { MINUTE, type Micros } from "../time.js";

/** A record of a call of which nobody knows whether it was taken, against a statement of the marketplace. */
export interface WaitingRecord {
  seq: number;
  begin: Micros;
  /** The statement has a line of it, of whatever state, or an earlier one has settled it. */
  isThere: boolean;
}

/** What a statement covers, and when it was asked for (product time). */
export interface StatementScope {
  complete: boolean;
  /** Of the records' begins. */
  range: Period | undefined;
  askedAt: Micros;
}

/** What a statement makes of a waiting call. */
export type WaitingVerdict =
  /** It proves nothing: a later one may. */
  | { kind: "waits" }
  /** All of it was taken. */
  | { kind: "there" }
  /** These surely were not, all or some of it: they go out again as they were. */
  | { kind: "missing"; seqs: number[] };

/** A list may lag behind what the marketplace has just taken: absence counts only so long after the call. */
export const STATEMENT_LAG: Micros = 2 * MINUTE;

/** Whether a statement shows that a record is not there: complete for its begin, and asked for well after the call. */
export function provesAbsence(
  { complete, range, askedAt }: StatementScope,
  begin: Micros,
  sentAt: Micros,
): boolean {
  if (!complete || range === undefined) return false;
  return range.from <= begin && begin < range.to && askedAt >= sentAt + STATEMENT_LAG;
}

/**
 * Settles a call that must not go out again blindly, as a whole: nothing of it moves before all of it is known.
 * @param sentAt when nobody knew any more what had become of it, product time
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

/**
 * What the marketplace did with a record: a closed set. `accepted` does not mean billed (koogallery.md 2.1.1).
 * `unknown` is a state, not an error: the same bytes are sent again, or reconciliation settles it.
 */
export const OUTCOMES = [
  "accepted",
  "duplicate",
  "conflict",
  "rejected_fixable",
  "rejected_final",
  "expired",
  "unknown",
] as const;

export type Outcome = (typeof OUTCOMES)[number];

/** What an answer means for a whole call: a closed set. */
export const VERDICTS = ["accepted", "refused", "split", "halt", "retry", "unknown"] as const;
export type VerdictKind = (typeof VERDICTS)[number];

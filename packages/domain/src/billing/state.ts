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

/**
 * The life of a bill record as a total table: for each state, the state that each happening leads to; `null` if the
 * state forbids the happening.
 */
export const RECORD_STATES = [
  "frozen",
  "sent",
  "unknown",
  "accepted",
  "duplicate",
  "conflict",
  "rejected_fixable",
  "rejected_final",
  "expired",
  "billed",
  "abnormal",
  "missing",
  "replaced",
  "carried",
] as const;
export type RecordState = (typeof RECORD_STATES)[number];

export const RECORD_HAPPENINGS = [
  /** A call that contains it is about to be written to the wire. */
  "send",
  /** It certainly was not taken; it may be sent again. */
  "not_taken",
  "accepted",
  "duplicate",
  "conflict",
  "rejected_fixable",
  "rejected_final",
  "unknown",
  /** Its begin is older than the marketplace accepts. */
  "expired",
  /** What a statement of the marketplace shows. `there`: taken, neither void nor in a bill yet. */
  "stated_there",
  "stated_billed",
  "stated_abnormal",
  "stated_missing",
  /** Present under our serial number with another quantity: a dispute, which we never edit. */
  "stated_different",
  /** Another record was filed in its place (SPEC 7). */
  "rereported",
  /** An operator asked for the same bytes to be sent again. */
  "resent",
  /** What was surely not taken is part of a later record of its instance: this one never counts again. */
  "carried",
] as const;
export type RecordHappening = (typeof RECORD_HAPPENINGS)[number];

type Row = Record<RecordHappening, RecordState | null>;

const nothing: Row = Object.fromEntries(RECORD_HAPPENINGS.map((name) => [name, null])) as Row;
const statements = {
  stated_billed: "billed",
  stated_abnormal: "abnormal",
  stated_different: "conflict",
} as const;
const replies = {
  not_taken: "frozen",
  accepted: "accepted",
  duplicate: "duplicate",
  conflict: "conflict",
  rejected_fixable: "rejected_fixable",
  rejected_final: "rejected_final",
  unknown: "unknown",
} as const;

/** The state that each happening leads to, for each state. */
export const TRANSITIONS: Record<RecordState, Row> = {
  frozen: { ...nothing, send: "sent", expired: "expired" },
  sent: { ...nothing, ...replies, ...statements },
  // The same bytes are sent again, or a statement settles it; "not there" in a complete statement makes it owed
  // again.
  unknown: {
    ...{ ...nothing, send: "sent", expired: "expired" },
    ...{ ...statements, stated_there: "accepted", stated_missing: "frozen" },
  },
  accepted: { ...nothing, ...statements, stated_missing: "missing" },
  duplicate: { ...nothing, ...statements, stated_missing: "missing" },
  conflict: { ...nothing, ...statements, stated_different: null, rereported: "replaced" },
  // It certainly was not taken, and what prevented it may be fixed now.
  rejected_fixable: {
    ...{ ...nothing, ...statements, rereported: "replaced" },
    ...{ resent: "frozen", carried: "carried" },
  },
  rejected_final: { ...nothing, ...statements, rereported: "replaced", carried: "carried" },
  expired: { ...nothing, ...statements, carried: "carried" },
  billed: { ...nothing },
  abnormal: { ...nothing, stated_billed: "billed", rereported: "replaced" },
  missing: { ...nothing, ...statements, send: "sent", expired: "expired" },
  replaced: { ...nothing },
  // Whatever a statement shows of it is too much: its quantity is filed elsewhere.
  carried: { ...nothing, stated_different: "conflict" },
};

/**
 * When a record whose outcome is unknown is sent again. `at_once`: its serial number is on the wire, so the
 * marketplace recognizes it. `after_statement`: only the interval protects against a double, so a statement decides
 * first.
 */
export type Resend = "at_once" | "after_statement";

/** The state after a happening; null if the state, or the record's resend rule, forbids it. */
export function transition(
  state: RecordState,
  happening: RecordHappening,
  resend: Resend = "at_once",
): RecordState | null {
  const mustWait = resend === "after_statement" && state === "unknown" && happening === "send";
  return mustWait ? null : TRANSITIONS[state][happening];
}

/** The states that allow a happening. */
export function statesAllowing(happening: RecordHappening): RecordState[] {
  return RECORD_STATES.filter((state) => TRANSITIONS[state][happening] !== null);
}

/** Groups of states by what they mean for a record; the database has a function for each (`is_owed` …). */
export const STATE_GROUPS = {
  /** It owes a delivery: it is sent (again) until it expires. */
  owed: ["frozen", "sent", "unknown"],
  /** It has never been sent, as far as is known. */
  unsent: ["frozen", "sent"],
  /** The marketplace accepted it, and no statement has shown more. */
  delivered: ["accepted", "duplicate"],
  /** The marketplace has it. */
  taken: ["accepted", "duplicate", "billed"],
  /** Nothing is left for a person to settle. */
  settled: ["accepted", "duplicate", "billed", "replaced", "carried"],
  /** The marketplace refused it. */
  refused: ["rejected_fixable", "rejected_final"],
  /** A statement has to show its outcome, once its window is over. */
  unsettled: ["accepted", "duplicate", "rejected_fixable", "rejected_final"],
  /** A person has to settle it. */
  troubled: ["conflict", "rejected_fixable", "rejected_final", "expired", "abnormal"],
  /** It may need a person: a missing record does once it can no longer be sent. */
  watched: ["conflict", "rejected_fixable", "rejected_final", "expired", "abnormal", "missing"],
  /** An outcome of its own that a newer call with it overtakes. */
  undecided: ["unknown", "missing", "frozen"],
  /** A later record of its instance may take its quantity, if no call with it may have been taken. */
  carriable: ["rejected_fixable", "rejected_final", "expired"],
  /** It is expected to bring money in. */
  earning: ["frozen", "sent", "unknown", "accepted", "duplicate", "missing", "billed"],
} as const satisfies Record<string, readonly RecordState[]>;
export type StateGroup = keyof typeof STATE_GROUPS;

/** A call's state is that of all its records that have no outcome of their own; a `split` call has passed them to others. */
export const SUBMISSION_STATES = [...RECORD_STATES, "split"] as const;
export type SubmissionState = (typeof SUBMISSION_STATES)[number];

/** The state of a record in a statement. */
export const STATED_STATES = ["pending", "normal", "abnormal", "billed"] as const;
export type StatedState = (typeof STATED_STATES)[number];

/** The verdict on a record's line in a statement: `repeated` is void because an earlier send of it was accepted. */
export const STATED_VERDICTS = [...STATED_STATES, "different", "repeated"] as const;
export type StatedVerdict = (typeof STATED_VERDICTS)[number];

/** Of several lines of one record, the first in this order counts. */
export const STATED_BEST_FIRST = [
  "billed",
  "normal",
  "pending",
  "abnormal",
] as const satisfies readonly StatedState[];

export const STATED_GROUPS = {
  /** The record is there as we submitted it: earlier findings about it are over. */
  good: ["normal", "billed"],
  /** It is the record's outcome: nothing more is expected of its call. */
  ending: ["billed", "abnormal", "different"],
} as const satisfies Record<string, readonly StatedVerdict[]>;

/** Where an outcome of a single record comes from. */
export const OUTCOME_SOURCES = ["reply", "statement", "clock", "operator"] as const;
export type OutcomeSource = (typeof OUTCOME_SOURCES)[number];

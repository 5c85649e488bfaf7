import type { Micros, SubmissionState, VerdictKind } from "@quarterpast/domain";

/** A range of a chain to be filed in one call. */
export interface NewSubmission {
  accountNo: number;
  shard: number;
  seqFrom: number;
  seqTo: number;
  parent: number | null;
  host: string | null;
  /** Product time: when the first of its records' windows closes, and when the first record expires. */
  deadline: Micros;
  expires: Micros;
}

/** A submission held by this reporter: its lease and fence are on the row, its attempt is committed. */
export interface ClaimedSubmission extends NewSubmission {
  submissionId: number;
  attempt: number;
  fence: number;
  state: SubmissionState;
  account: string;
}

/** The next state of a submission, and when it may be sent again if it still owes a delivery. */
export interface Settlement {
  state: SubmissionState;
  code: string | null;
  host: string | null;
  /** Real time; null: not before a statement has shown that it was not taken. */
  nextAt: Micros | null;
}

/** The result of an attempt, kept as evidence. */
export interface AttemptEvidence {
  host: string;
  bodySha256: string;
  result: VerdictKind;
  code: string | null;
  httpStatus: number | null;
  reply: string;
  durationMs: number;
}

/** The rules for claiming an account's next calls. */
export interface ClaimRule {
  accountNo: number;
  /** Product and real time. */
  now: Micros;
  real: Micros;
  leaseUntil: Micros;
  limit: number;
  /** Wire versions that are sent again only after a statement. */
  afterStatement?: readonly number[];
  /** Real time between two calls with records of one instance. */
  spacing?: Micros;
}

/** How long records of a wire version are sent again after the first call that may have been taken. */
export interface HoldRule {
  version: number;
  resendFor: Micros;
}

import type { Micros, SubmissionState, VerdictKind } from "@quarterpast/domain";

/** A range of a chain to be filed in one call. */
export interface NewSubmission {
  accountNo: number;
  shard: number;
  seqFrom: number;
  seqTo: number;
  parent: number | null;
  host: string | null;
  /** Product time: the first of its records' windows to close, and of their begins to expire. */
  deadline: Micros;
  expires: Micros;
}

/** A submission this reporter holds: its lease and fence are on the row, its attempt is committed. */
export interface ClaimedSubmission extends NewSubmission {
  submissionId: number;
  attempt: number;
  fence: number;
  state: SubmissionState;
  account: string;
}

/** The next state of a submission, and when it may go out again where it still owes a delivery. */
export interface Settlement {
  state: SubmissionState;
  code: string | null;
  host: string | null;
  /** Real time; null: not before a statement has shown that it was not taken. */
  nextAt: Micros | null;
}

/** What an attempt came to; kept as evidence. */
export interface AttemptEvidence {
  host: string;
  bodySha256: string;
  result: VerdictKind;
  code: string | null;
  httpStatus: number | null;
  reply: string;
  durationMs: number;
}

/** What an account's next calls are claimed by. */
export interface ClaimRule {
  accountNo: number;
  /** Product and real time. */
  now: Micros;
  real: Micros;
  leaseUntil: Micros;
  limit: number;
  /** Wire versions that go out again only after a statement. */
  afterStatement?: readonly number[];
  /** Real time between two calls with records of one instance. */
  spacing?: Micros;
}

/** How long records of a wire version go out again after the first call that may have been taken. */
export interface HoldRule {
  version: number;
  resendFor: Micros;
}

import type { KeyState, Micros, Outcome } from "@quarterpast/domain";
import type { Dispatcher } from "undici";
import type { CallTimeouts } from "./retry.js";
import type { Statement } from "./table/list.js";

/** One frozen record of a call: the text that `encodeRecord` returned when it was frozen, unchanged. */
export interface CallRecord {
  serialNumber: string;
  wire: string;
  /**
   * Version of that text, by default the profile's. It decides which interface the record is sent by, and never
   * changes.
   */
  wireVersion?: number | undefined;
  /** The marketplace's product id, because a product may have its own key. */
  product?: string | undefined;
}

export interface Call {
  records: readonly CallRecord[];
  /**
   * `evidence.host` of the attempt that left these records unknown: they stay with that host (SPEC 5). Absent for
   * records of which no byte was ever sent.
   */
  host?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** The evidence of one HTTP attempt. It never contains the key or the signature. */
export interface Evidence {
  host: string;
  /** SHA-256 (hex) of the exact body bytes. */
  sentSha256: string;
  /** False if certainly no byte of the request was sent. True means only that some may have been. */
  bytesSent: boolean;
  httpStatus?: number;
  /** The reply as text, cut at 64 KB; without NUL and lone surrogates, so that every database can store it. */
  rawReply?: string;
  /** The connection's error if there was no complete reply, for example `ECONNREFUSED`. */
  transport?: string;
  /** Real time. */
  startedAt: Micros;
  durationMs: number;
  /** The reply's Date minus our clock, within the precision of Date's one-second steps. */
  serverDateOffsetMs?: number;
  /** Abnormal entries of the reply that match no record of the call, as JSON text: a person must look at them. */
  unmatched: readonly string[];
}

/** Why a record was not taken. Fixable: a corrected re-report can succeed. Final: a case for finance. */
export type RefusedOutcome = Extract<Outcome, "rejected_fixable" | "rejected_final">;

/** A record with another outcome than its accepted call. */
export interface RecordException {
  serialNumber: string;
  /**
   * WARNING: `duplicate` is what the marketplace said, not a proof. It proves our delivery only if the caller knows
   * that it sent this serial number more than once, and no other party did; otherwise it is a conflict (SPEC 6).
   */
  outcome: RefusedOutcome | Extract<Outcome, "duplicate" | "conflict" | "expired" | "unknown"> | "not_taken";
  code: string;
  detail: string;
  /** The reply itself shows that this record is already there, so a duplicate proves the delivery. */
  proven?: true;
  /** Quantity that the marketplace holds according to the reply, decimal text; absent if it does not report one. */
  held?: string;
}

/** The marketplace's name for a record that it took. */
export interface Receipt {
  serialNumber: string;
  receipt: string;
}

/**
 * The meaning of the marketplace's answer for a call: a closed set. Decided by the body's code, never by HTTP status.
 */
export type Verdict =
  /**
   * All records were taken, apart from the exceptions. Accepted is not billed. `receipts`: if the marketplace gives
   * them.
   */
  | { kind: "accepted"; exceptions: RecordException[]; receipts?: Receipt[] }
  /**
   * The whole call is refused for good, nothing was taken. With `bisect` one record may be the cause: cut the call.
   * Without, the outcome is that of its only record. `suspects`: serial numbers named in the reply.
   */
  | { kind: "refused"; code: string; outcome: RefusedOutcome; bisect: boolean; suspects: string[] }
  /** More than one call may carry: send smaller calls, with these numbers of records if given. Nothing was taken. */
  | { kind: "split"; code: string; pieces?: number[] }
  /**
   * Signature, key, rights or address: halt submission, raise the alarm, probe again later. Nothing was taken. With
   * `alone` it is the key of one product, or of an interface that new records do not use: the account's other calls
   * continue.
   */
  | { kind: "halt"; code: string; alone?: true }
  /**
   * This attempt certainly delivered nothing: try again later. An earlier attempt of unknown outcome stays unknown.
   */
  | { kind: "retry"; code: string; retryAfterMs?: number }
  /**
   * It may have been taken: send the same bytes to the same host (`evidence.host`) if the profile's rule for their
   * wire version allows it, or leave it to reconciliation.
   */
  | { kind: "unknown"; code: string; retryAfterMs?: number };

/**
 * A verdict with the evidence of its attempt, and of earlier ones (a host that refused, a rejected signature time).
 */
export type CallResult = Verdict & { evidence: Evidence; earlier: Evidence[] };

export interface ProbeResult {
  /** Whether the answer came from the marketplace. */
  reachable: boolean;
  key: KeyState;
  code: string;
  /** The learned correction of our clock, in real ms; 0 within 2 s. */
  skewMs: number;
  evidence: Evidence;
}

/** Secrets and I/O of one account: only the process that files its records has it. */
export interface MarketplaceClient {
  /**
   * Sends one call. Never rejects because of the network or the marketplace.
   * @throws RangeError for an empty call or a repeated serial number.
   */
  submit: (call: Call) => Promise<CallResult>;
  /** Checks reachability, clock and key without filing anything. It can never bill. */
  probe: (signal?: AbortSignal) => Promise<ProbeResult>;
  /** The marketplace's records that begin in [from, to); absent if it has no such interface. */
  statement?: (from: Micros, to: Micros, signal?: AbortSignal) => Promise<Statement>;
  /** Ends idle connections and cuts running calls. */
  close: () => Promise<void>;
}

/** What a client takes from outside. */
export interface ClientIo {
  /** Real clock, ms since the epoch. */
  now: () => number;
  /** Returns a secure random text of up to 64 characters, new on each call. */
  nonce: () => string;
  /** Used instead of the profile's, in real ms. */
  timeouts?: Partial<CallTimeouts> | undefined;
  /** Used instead of an own connection pool; it is not closed here. */
  dispatcher?: Dispatcher | undefined;
}

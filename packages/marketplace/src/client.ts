import type { KeyState, Micros, Outcome } from "@quarterpast/domain";
import type { Dispatcher } from "undici";
import type { CallTimeouts } from "./retry.js";
import type { Statement } from "./table/list.js";

/** One frozen record of a call: the text that `encodeRecord` gave when it was frozen, unchanged. */
export interface CallRecord {
  serialNumber: string;
  wire: string;
  /** Version of that text; the profile's own where absent. It decides by which way the record goes, for ever. */
  wireVersion?: number | undefined;
  /** The marketplace's product id: a product may have a key of its own. */
  product?: string | undefined;
}

export interface Call {
  records: readonly CallRecord[];
  /**
   * `evidence.host` of the attempt that left these records unknown: they stay with that host (SPEC 5).
   * Absent for records of which no byte was ever sent.
   */
  host?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** What can be proven of one HTTP attempt. It never holds the key or the signature. */
export interface Evidence {
  host: string;
  /** SHA-256 (hex) of the exact body bytes. */
  sentSha256: string;
  /** False where surely no byte of the request left. True says only that some may have. */
  bytesSent: boolean;
  httpStatus?: number;
  /** The reply as text, cut at 64 KB; without NUL and lone surrogates, so that every database can hold it. */
  rawReply?: string;
  /** What the connection said where there was no whole reply, for example `ECONNREFUSED`. */
  transport?: string;
  /** Real time. */
  startedAt: Micros;
  durationMs: number;
  /** The reply's Date less our clock, as far as its one-second steps tell. */
  serverDateOffsetMs?: number;
  /** Abnormal entries of the reply that fit no record of the call, as JSON text: someone must look at them. */
  unmatched: readonly string[];
}

/** Why a record is not taken. Fixable: a corrected re-report can heal it. Final: a case for finance. */
export type RefusedOutcome = Extract<Outcome, "rejected_fixable" | "rejected_final">;

/** A record that fared otherwise than its accepted call. */
export interface RecordException {
  serialNumber: string;
  /**
   * WARNING: `duplicate` is what the marketplace said, not a proof. It proves our delivery only where the caller knows
   * that it sent this serial number more than once, and nobody else did; else it is a conflict (SPEC 6).
   */
  outcome: RefusedOutcome | Extract<Outcome, "duplicate" | "conflict" | "expired" | "unknown"> | "not_taken";
  code: string;
  detail: string;
  /** The reply itself shows that what is there is this record: a duplicate then proves the delivery. */
  proven?: true;
  /** The quantity that the reply says is there, decimal text; given by a marketplace that tells. */
  held?: string;
}

/** What the marketplace calls a record that it took. */
export interface Receipt {
  serialNumber: string;
  receipt: string;
}

/** What the marketplace's answer means for a call: a closed set. Decided by the body's code, never by HTTP status. */
export type Verdict =
  /** All records taken but the exceptions. Accepted is not billed. `receipts`: where the marketplace gives them. */
  | { kind: "accepted"; exceptions: RecordException[]; receipts?: Receipt[] }
  /**
   * The whole call is refused for good, nothing was taken. With `bisect` the fault may be one record's: cut the call.
   * Without, the outcome is that of its only record. `suspects`: serial numbers that the reply itself named.
   */
  | { kind: "refused"; code: string; outcome: RefusedOutcome; bisect: boolean; suspects: string[] }
  /** More than one call may carry: send in smaller calls, of these numbers of records where told. Nothing was taken. */
  | { kind: "split"; code: string; pieces?: number[] }
  /**
   * Signature, key, rights or address: stop sending, raise the alarm, probe again later. Nothing was taken. With
   * `alone` it is the key of one product, or of a way that new records do not go: the account's other calls go on.
   */
  | { kind: "halt"; code: string; alone?: true }
  /** This attempt surely brought nothing in: try again later. What an earlier unknown attempt did stays unknown. */
  | { kind: "retry"; code: string; retryAfterMs?: number }
  /**
   * It may have been taken: the same bytes to the same host (`evidence.host`) if the profile's rule for their wire
   * version allows it, or reconciliation.
   */
  | { kind: "unknown"; code: string; retryAfterMs?: number };

/** A verdict with the proof of its attempt, and of those before it (a host that refused, a signature out of time). */
export type CallResult = Verdict & { evidence: Evidence; earlier: Evidence[] };

export interface ProbeResult {
  /** Whether an answer came that is the marketplace's. */
  reachable: boolean;
  key: KeyState;
  code: string;
  /** Learned correction of our clock, in real ms; 0 within 2 s. */
  skewMs: number;
  evidence: Evidence;
}

/** Secrets and input and output of one account: only the process that files its records has it. */
export interface MarketplaceClient {
  /**
   * Sends one call. Never rejects for anything the network or the marketplace does.
   * @throws RangeError for an empty call or a serial number twice in it.
   */
  submit: (call: Call) => Promise<CallResult>;
  /** Asks without filing anything: reachability, clock and key. It can never bill. */
  probe: (signal?: AbortSignal) => Promise<ProbeResult>;
  /** Records that begin in [from, to) as the marketplace has them; absent where it has no such interface. */
  statement?: (from: Micros, to: Micros, signal?: AbortSignal) => Promise<Statement>;
  /** Ends idle connections; calls under way are cut. */
  close: () => Promise<void>;
}

/** What a client takes from outside itself. */
export interface ClientIo {
  /** Real clock, ms since the epoch. */
  now: () => number;
  /** A secure random text of up to 64 characters, new on each call. */
  nonce: () => string;
  /** Instead of the profile's own, in real ms. */
  timeouts?: Partial<CallTimeouts> | undefined;
  /** Instead of an own connection pool; it is then not closed here. */
  dispatcher?: Dispatcher | undefined;
}

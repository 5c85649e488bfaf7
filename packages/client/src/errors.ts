import type { CloudEvent, ErrorCode } from "@quarterpast/domain/usage";

/** The collector rejected this event. It is not kept anywhere: the caller decides what to do with it. */
export class RejectedEvent extends Error {
  readonly event: CloudEvent;
  /** Its index in the call of `send`; 0 for `record`. */
  readonly index: number;
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly detail: string;
  /** True if the same event may be accepted later: it was retried for as long as `retry.rejectedForMs` says. */
  readonly retryable: boolean;

  constructor(event: CloudEvent, index: number, refusal: Refusal) {
    super(`event ${event.id} is rejected: ${refusal.code}: ${refusal.detail}`);
    this.name = "RejectedEvent";
    this.event = event;
    this.index = index;
    this.code = refusal.code;
    this.field = refusal.field;
    this.detail = refusal.detail;
    this.retryable = refusal.retryable;
  }
}

/** Why the collector rejects one event. */
export interface Refusal {
  code: ErrorCode;
  field?: string | undefined;
  detail: string;
  retryable: boolean;
}

/**
 * The collector refuses the whole call, and would refuse it again: a wrong key (401), a key without the right (403),
 * a wrong address.
 */
export class RequestRefused extends Error {
  readonly status: number;
  /** Code of the problem; undefined if the answer did not come from a collector. */
  readonly code: string | undefined;
  readonly detail: string;

  constructor(status: number, code: string | undefined, detail: string) {
    super(`the collector refuses the call: ${status}${code ? ` ${code}` : ""}: ${detail}`);
    this.name = "RequestRefused";
    this.status = status;
    this.code = code;
    this.detail = detail;
  }
}

/**
 * Not acknowledged in the time given (`retry.forMs`, or that of `close`). The collector may have it nevertheless:
 * send the event again only with the same id.
 */
export class UnacknowledgedEvent extends Error {
  readonly event: CloudEvent;

  constructor(event: CloudEvent, why: string, cause?: unknown) {
    super(`event ${event.id} is not acknowledged: ${why}`, { cause });
    this.name = "UnacknowledgedEvent";
    this.event = event;
  }
}

/** Why a spool failed to do what was asked. */
export type SpoolProblem =
  /** It is at its size limit: the collector has not taken enough yet. */
  | "full"
  /** The disk cannot be written or read. */
  | "failed"
  /** Another process uses the folder. */
  | "in_use"
  /** Lines that an earlier process wrote cannot be read any longer. */
  | "damaged";

/** The spool did not store the events, or lost some: they are not kept, and the caller must know. */
export class SpoolError extends Error {
  readonly code: SpoolProblem;

  constructor(code: SpoolProblem, detail: string, cause?: unknown) {
    super(`spool: ${code}: ${detail}`, { cause });
    this.name = "SpoolError";
    this.code = code;
  }
}

import type { CloudEvent, ErrorCode } from "@quarterpast/domain/usage";

/** The collector does not take this event. It is not kept anywhere: whoever gets this decides what becomes of it. */
export class RejectedEvent extends Error {
  readonly event: CloudEvent;
  /** Its place in the call of `send` it came with; 0 for `record`. */
  readonly index: number;
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly detail: string;
  /** True where the same event may be taken later: it was tried for as long as `retry.rejectedForMs` says. */
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

/** What the collector says of one event it does not take. */
export interface Refusal {
  code: ErrorCode;
  field?: string | undefined;
  detail: string;
  retryable: boolean;
}

/** The collector refuses the whole call, and would again: a wrong key (401), a key without the right (403), a wrong address. */
export class RequestRefused extends Error {
  readonly status: number;
  /** Code of the problem; undefined where the answer was not the collector's. */
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
 * Not acknowledged in the time given (`retry.forMs`, or that of `close`). The collector may have it all the same: the
 * event may be sent again with the same id, never with another.
 */
export class UnacknowledgedEvent extends Error {
  readonly event: CloudEvent;

  constructor(event: CloudEvent, why: string, cause?: unknown) {
    super(`event ${event.id} is not acknowledged: ${why}`, { cause });
    this.name = "UnacknowledgedEvent";
    this.event = event;
  }
}

/** Why a spool did not do what it was asked. */
export type SpoolProblem =
  /** It holds as much as it may: the collector has not taken enough yet. */
  | "full"
  /** The disk does not take it, or cannot be read. */
  | "failed"
  /** Another process has the folder. */
  | "in_use"
  /** Lines that an earlier process wrote can no longer be read. */
  | "damaged";

/** The spool on disk did not take the events, or lost some: they are not kept, and it is for the caller to know. */
export class SpoolError extends Error {
  readonly code: SpoolProblem;

  constructor(code: SpoolProblem, detail: string, cause?: unknown) {
    super(`spool: ${code}: ${detail}`, { cause });
    this.name = "SpoolError";
    this.code = code;
  }
}

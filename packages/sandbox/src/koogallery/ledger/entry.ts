import type { UsageRecord } from "../rules/request.js";

/** pending: accepted, not checked; normal: valid, not collected; abnormal: void; billed: collected, final. */
export type SdrState = "pending" | "normal" | "abnormal" | "billed";

export const SDR_STATES = ["pending", "normal", "abnormal", "billed"] as const satisfies SdrState[];

/** One accepted record in memory. Instants are milliseconds; `dueAt` is real time, the others product time. */
export type Entry = {
  seq: number;
  record: UsageRecord;
  receivedAt: number;
  /** When the background check should look at it. */
  dueAt: number;
  /** The collection that takes it if it is valid. */
  moment: number;
  /** A code assigned by a fault, which the check will find. */
  forced: string | null;
  state: SdrState;
  code: string | null;
  collectedAt: number | null;
};

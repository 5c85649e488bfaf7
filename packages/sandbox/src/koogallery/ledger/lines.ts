import type { Instance } from "../rules/instances.js";
import type { UsageRecord } from "../rules/request.js";

/** The raw store's lines, one JSON object each. Instants are ISO 8601: `at` real time, `product` product time. */
export type Line = HeadLine | CallLine | VerdictLine | CollectedLine | InstanceLine | ClockLine;

/** The first line of a store; a sandbox refuses an unknown version. */
export type HeadLine = { kind: "sandbox"; version: number };

/** One call to the push interface, answered or not. */
export type CallLine = {
  kind: "call";
  call: number;
  at: string;
  product: string;
  /** Hash of the body's bytes as received; absent if a fault cut the call before its body. */
  sha256?: string;
  bytes: number;
  http: number;
  /** The code of the verdict, which a fault may have kept from the caller. */
  code: string;
  detail?: string;
  fault?: string;
  /** Absent for a call to the new interface. */
  push?: "old";
  /** Accepted records as received, numbered from `first`; the last `invented` of them were never sent. */
  records?: UsageRecord[];
  first?: number;
  invented?: number;
  /** Codes prepared by a fault for the background check, by index in `records`. */
  forced?: Record<string, string>;
  /** Codes that were reported immediately, by index in `records`. */
  void?: Record<string, string>;
  /** Records that a fault kept out of the store. */
  dropped?: UsageRecord[];
};

/** The results of the background check, by record number. */
export type VerdictLine = {
  kind: "verdict";
  at: string;
  product: string;
  normal: number[];
  abnormal: [number, string][];
};

/** Records that one collection took into the bill. */
export type CollectedLine = { kind: "collected"; at: string; moment: string; records: number[] };

export type InstanceLine = { kind: "instance"; id: string; instance: Instance };

export type ClockLine = { kind: "clock"; start: string; at: string; rate: number };

export const STORE_VERSION = 1;

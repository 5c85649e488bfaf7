import type { Depth, HourGatherer, Micros } from "@quarterpast/domain";

/** One hour of an account, with the records that its manifest covers: `seqFrom` to `seqTo` by shard. */
export interface HourScope {
  accountNo: number;
  account: string;
  hour: Micros;
  seqFrom: readonly number[];
  seqTo: readonly number[];
}

/** How an instance's hour is made up, as stored beside the records. */
export interface RecordProof {
  instanceNo: number;
  sn: string | null;
  eventsRoot: string;
  leaves: number;
}

/** How the lines of an hour are read. */
export interface HourReading {
  scope: HourScope;
  /** Fed with everything that the manifest's roots cover. */
  gatherer: HourGatherer;
  /** `made`: roots from the present events; `stored`: the stored roots, for a verifier to compare. */
  roots: "made" | "stored";
  depth: Depth;
  /** Adds what only a restore needs. */
  forRestore: boolean;
  /** Called with each root that was made. */
  onProof?: (proof: RecordProof) => void;
}

import type { Depth, HourGatherer, Micros } from "@quarterpast/domain";

/** One hour of an account, with the records that its manifest covers: `seqFrom` to `seqTo` by shard. */
export interface HourScope {
  accountNo: number;
  account: string;
  hour: Micros;
  seqFrom: readonly number[];
  seqTo: readonly number[];
}

/** What an instance's hour was made of, as it is kept beside the records. */
export interface RecordProof {
  instanceNo: number;
  sn: string | null;
  eventsRoot: string;
  leaves: number;
}

/** How the lines of an hour are read. */
export interface HourReading {
  scope: HourScope;
  /** Fed with all that the manifest's roots go over. */
  gatherer: HourGatherer;
  /** `made`: roots from the events as they are; `stored`: roots as they were kept, for a verifier to compare. */
  roots: "made" | "stored";
  depth: Depth;
  /** Adds what only a restore needs. */
  forRestore: boolean;
  /** Told of each root that was made. */
  onProof?: (proof: RecordProof) => void;
}

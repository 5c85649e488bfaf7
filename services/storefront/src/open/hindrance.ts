import type { WaitsFor } from "@quarterpast/domain";
import { backoffMs } from "@quarterpast/runtime";

/** Why an opening cannot continue now. What a person has to do is in `WAITS_FOR` of domain. */
export interface Hindrance {
  waitsFor: WaitsFor;
  /** The ids and codes it is about. */
  detail: string;
  /** Real seconds until the next try. */
  seconds: number;
  /** Whether a person has to settle it. */
  isCase: boolean;
}

const BACKOFF = { firstMs: 1_000, capMs: 60_000 };

/** Real seconds to wait for a temporary hindrance. @param tries number of earlier tries */
export function secondsAfter(tries: number): number {
  return backoffMs(BACKOFF, tries + 1) / 1_000;
}

import type { WaitsFor } from "@quarterpast/domain";
import { backoffMs } from "@quarterpast/runtime";

/** Why an opening cannot go on now. What a person has to do is in `WAITS_FOR` of domain. */
export interface Hindrance {
  waitsFor: WaitsFor;
  /** What it is about: ids and codes. */
  detail: string;
  /** Real seconds until it is tried again. */
  seconds: number;
  /** Whether a person has to settle it. */
  isCase: boolean;
}

const BACKOFF = { firstMs: 1_000, capMs: 60_000 };

/** How long what passes by itself is waited for, real seconds. @param tries how often it was tried before */
export function secondsAfter(tries: number): number {
  return backoffMs(BACKOFF, tries + 1) / 1_000;
}

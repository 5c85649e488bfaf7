import type { Text } from "@quarterpast/domain";

/** What came of one case of a marketplace's self-test. */
export interface CaseResult {
  version: string;
  mode: string;
  name: string;
  durationMs: number;
  /** None: the marketplace's console would call it a success. */
  problems: Text[];
}

/** The production address that is tried, and the key that signs the calls. */
export interface SelfTestTarget {
  url: string;
  key: string;
}

/** The cases by which a marketplace's console tries a seller's production address; they change nothing there. */
export interface SelfTest {
  /** Versions of the interface and selling modes that cases may be chosen by. */
  versions: readonly string[];
  modes: readonly string[];
  /**
   * Plays the cases of some versions and modes, one after the other.
   * @param wanted all of what is not given
   * @param signal ends it: it rejects then with the signal's reason
   */
  run(
    target: SelfTestTarget,
    wanted?: { versions?: readonly string[]; modes?: readonly string[] },
    signal?: AbortSignal,
  ): Promise<CaseResult[]>;
}

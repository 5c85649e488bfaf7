import {
  isDecimal,
  scaleOf,
  toUnits,
  transition,
  type Micros,
  type RecordHappening,
  type RecordState,
  type Resend,
  type SubmissionState,
} from "@quarterpast/domain";
import {
  retryDelayMs,
  type MarketplaceProfile,
  type RecordException,
  type SendPhase,
  type Verdict,
} from "@quarterpast/marketplace";
import type { ClaimedSubmission } from "@quarterpast/store";

/** What a verdict means for its submission. */
export interface Decision {
  state: SubmissionState;
  code: string | null;
  /** Real ms until the next attempt, if one is owed. */
  retryMs: number;
  /** Cut into these numbers of records, from the first on. */
  pieces: number[];
  exceptions: { serialNumber: string; state: RecordState; code: string; detail: string }[];
  /** Halts submission for the account. */
  halts: boolean;
  /** Owed, but not before a statement has shown that it was not taken. */
  waits: boolean;
  /** The same for single records whose outcome is unknown. */
  unknownWaits: boolean;
  /** Real ms until single records that certainly were not taken are sent again. */
  againMs: number;
}

export interface VerdictContext {
  claim: Pick<ClaimedSubmission, "state" | "attempt" | "seqFrom" | "seqTo" | "deadline">;
  profile: Pick<MarketplaceProfile, "retry" | "windows" | "duplicateCodes" | "expiredCodes">;
  /** Product time. */
  now: Micros;
  random: number;
  /** How often a record was sent, in any call; 1 if unknown. */
  sends?: ReadonlyMap<string, number>;
  /** Quantity of each record; asked for only if the marketplace reports what it holds. */
  quantities?: ReadonlyMap<string, string>;
  /** When records of unknown outcome may be sent again; at once if absent. */
  resend?: Resend;
}

/** Turns the marketplace's verdict on a call into the next states of its records; pure and total. */
export function decide(verdict: Verdict, context: VerdictContext): Decision {
  const { claim, profile } = context;
  const base: Decision = {
    state: "accepted",
    code: null,
    retryMs: 0,
    pieces: [],
    exceptions: [],
    halts: false,
    waits: false,
    unknownWaits: mustWait("unknown", context),
    againMs: delay(undefined, context),
  };
  const count = claim.seqTo - claim.seqFrom + 1;
  switch (verdict.kind) {
    case "accepted":
      return {
        ...base,
        exceptions: verdict.exceptions.map((exception) => judgeException(exception, claim, context)),
      };
    case "refused":
      if (verdict.bisect && count > 1)
        return { ...base, state: "split", code: verdict.code, pieces: halves(count) };
      return { ...base, state: refusedState(verdict.code, verdict.outcome, profile), code: verdict.code };
    case "split":
      if (count > 1)
        return { ...base, state: "split", code: verdict.code, pieces: verdict.pieces ?? halves(count) };
      return { ...base, state: "rejected_final", code: verdict.code };
    case "halt":
      // The key of one product, or of a push that new records do not use: these calls wait, the account's others
      // continue.
      if (verdict.alone)
        return {
          ...base,
          state: stateBefore(claim.state),
          code: verdict.code,
          retryMs: delay(undefined, context),
        };
      return { ...base, state: stateBefore(claim.state), code: verdict.code, halts: true };
    case "retry":
      return {
        ...base,
        state: stateBefore(claim.state),
        code: verdict.code,
        retryMs: delay(verdict.retryAfterMs, context),
      };
    case "unknown":
      return {
        ...base,
        state: after("unknown"),
        code: verdict.code,
        retryMs: delay(verdict.retryAfterMs, context),
        waits: base.unknownWaits,
      };
  }
}

function mustWait(state: RecordState, { resend = "at_once" }: VerdictContext): boolean {
  return transition(state, "send", resend) === null;
}

/** The state of a record on the wire after a happening, by the domain's table. */
function after(happening: RecordHappening): RecordState {
  const state = transition("sent", happening);
  if (state === null) throw new Error(`a record on the wire cannot be ${happening}`);
  return state;
}

/** This attempt delivered nothing; if an earlier one has an unknown outcome, it stays unknown. */
function stateBefore(state: SubmissionState): RecordState {
  return state === "frozen" ? after("not_taken") : after("unknown");
}

function refusedState(
  code: string,
  outcome: "rejected_fixable" | "rejected_final",
  profile: Pick<MarketplaceProfile, "expiredCodes">,
): RecordState {
  return profile.expiredCodes.includes(code) ? "expired" : after(outcome);
}

/** "Already there" proves our delivery only if the reply shows it, or for what we sent more than once (SPEC 6). */
function judgeException(
  { serialNumber, code, detail, outcome, proven, held }: RecordException,
  { attempt, state: before }: VerdictContext["claim"],
  { sends, quantities }: Pick<VerdictContext, "sends" | "quantities">,
): Decision["exceptions"][number] {
  const told = { serialNumber, code, detail };
  if (outcome === "not_taken") return { ...told, state: stateBefore(before) };
  if (outcome === "expired") return { ...told, state: "expired" };
  const ours = quantities?.get(serialNumber);
  // What the marketplace shows counts more than how often we sent it.
  const isShown = held === undefined || ours === undefined ? undefined : isSameQuantity(held, ours);
  const isOurs = isShown ?? (proven === true || Math.max(attempt, sends?.get(serialNumber) ?? 1) > 1);
  return { ...told, state: after(outcome === "duplicate" && !isOurs ? "conflict" : outcome) };
}

/** Whether two decimal texts are one number; a text that is none equals nothing. */
function isSameQuantity(one: string, other: string): boolean {
  if (!isDecimal(one) || !isDecimal(other)) return false;
  const scale = Math.max(scaleOf(one), scaleOf(other));
  return toUnits(one, scale) === toUnits(other, scale);
}

function halves(count: number): number[] {
  const first = Math.ceil(count / 2);
  return [first, count - first];
}

function delay(retryAfterMs: number | undefined, { claim, profile, now, random }: VerdictContext): number {
  const { window, late } = profile.windows.hourly;
  const phase: SendPhase =
    now < claim.deadline ? "window" : now < claim.deadline + late - window ? "late" : "overdue";
  return retryDelayMs(profile.retry, profile.retry.backoff[phase], claim.attempt, random, retryAfterMs);
}

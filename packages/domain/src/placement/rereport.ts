import type { Interval, Life } from "./interval.js";
import { transition, type RecordState } from "../billing/state.js";
import { hourOf, SECOND, type Micros } from "../time.js";

/** The facts about a record that decide whether it may be filed again. */
export interface Refiled {
  state: RecordState;
  code: string | null;
  /** A call that contains it may have been taken, and no complete statement has shown since that it was not. */
  mayHaveBeenTaken: boolean;
}

export interface RereportContext {
  /** The record itself first, then those it replaced, in the state they had before they were replaced. */
  records: readonly [Refiled, ...Refiled[]];
  /** Another interval, if one is asked for. */
  interval: Interval | undefined;
  /** Begin of the record. */
  begin: Micros;
  life: Life;
  /** Intervals of the instance's other records, and those during which it was suspended. */
  taken: readonly Interval[];
  now: Micros;
  /** The oldest begin that the marketplace accepts. */
  notBefore: Micros;
  /** Codes by which the marketplace says that another record of the interval came first. */
  duplicateCodes: readonly string[];
}

/**
 * What may be filed again. `same_slot`: the marketplace accepts a slot only once, so a second record cannot be billed
 * beside the first. `refused_only`: nothing prevents that, so only refused records.
 */
export type Supersede = "same_slot" | "refused_only";

/**
 * Why a record may not be filed again like this; undefined if it may (SPEC 7). In the same slot first-wins forbids a
 * double, if the marketplace promises it. In another interval nothing does: there the marketplace must have shown
 * that the record, and all it replaced, are void, and that no other record of the old interval is the reason.
 */
export function rereportProblem(context: RereportContext, rule: Supersede = "same_slot"): string | undefined {
  const { records, interval, begin, notBefore } = context;
  const [record] = records;
  if (transition(record.state, "rereported") === null)
    return `a record that is ${record.state} is not filed again`;
  if (isRefused(record) && record.mayHaveBeenTaken)
    return "a call with it may have been accepted: a statement must first show that it was not";
  if (rule === "refused_only" && !records.every((each) => isSurelyRefused(each, context.duplicateCodes)))
    return "this marketplace accepts a second record beside the first: only what it refused is filed again";
  if ((interval?.begin ?? begin) < notBefore)
    return "the marketplace no longer accepts records that begin then";
  if (!interval) return undefined;
  if (!records.every((each) => isVoid(each, context.duplicateCodes)))
    return "in another interval only what the marketplace showed to be void is filed: this might bill it twice";
  return intervalProblem(interval, context);
}

const isRefused = ({ state }: Refiled) => state === "rejected_fixable" || state === "rejected_final";

/**
 * Whether a record holds its slot: it is there, may be there, may still get there, or another record is. A record of
 * 0 counts like any other.
 */
export function holdsSlot({ state, mayHaveBeenTaken }: Omit<Refiled, "code">): boolean {
  switch (state) {
    case "rejected_fixable":
    case "rejected_final":
    case "expired":
      return mayHaveBeenTaken;
    case "abnormal":
    case "replaced":
    case "carried":
      return false;
    case "frozen":
    case "sent":
    case "unknown":
    case "accepted":
    case "duplicate":
    case "conflict":
    case "billed":
    case "missing":
      return true;
  }
}

/** Refused, not in any call that may have been taken, and not because of an earlier record. */
function isSurelyRefused(record: Refiled, duplicateCodes: readonly string[]): boolean {
  const isBehind = record.code !== null && duplicateCodes.includes(record.code);
  return isRefused(record) && !holdsSlot(record) && !isBehind;
}

/**
 * Shown void by a statement, or certainly refused; false if the marketplace's code names another record of the
 * interval.
 */
export function isVoid(record: Refiled, duplicateCodes: readonly string[]): boolean {
  if (record.code !== null && duplicateCodes.includes(record.code)) return false;
  return record.state === "abnormal" || (isRefused(record) && !record.mayHaveBeenTaken);
}

function intervalProblem({ begin, end }: Interval, context: RereportContext): string | undefined {
  const { life, taken, now } = context;
  if (begin % SECOND !== 0 || end % SECOND !== 0 || begin >= end)
    return "begin and end must be whole seconds, begin first";
  if (hourOf(begin) !== hourOf(end - SECOND)) return "a record must lie inside one hour";
  if (begin < life.opened || end > (life.closed ?? Infinity))
    return "a record must lie inside its instance's life";
  if (end > now) return "a record must end before it is filed";
  if (taken.some((other) => other.begin < end && begin < other.end))
    return "the interval overlaps another record of the instance, or a suspension";
  return undefined;
}

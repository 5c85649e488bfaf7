import type { Interval, Life } from "./interval.js";
import { transition, type RecordState } from "../billing/state.js";
import { hourOf, SECOND, type Micros } from "../time.js";

/** A record as far as filing it again depends on it. */
export interface Refiled {
  state: RecordState;
  code: string | null;
  /** A call with it may have been taken, and no complete statement has shown since that it was not. */
  mayHaveBeenTaken: boolean;
}

export interface RereportContext {
  /** Of the record itself first, then of what it replaced, as they stood before they were replaced. */
  records: readonly [Refiled, ...Refiled[]];
  /** Another interval, where one is asked for. */
  interval: Interval | undefined;
  /** Begin of the record. */
  begin: Micros;
  life: Life;
  /** Intervals of the instance's other records, and those in which it was frozen. */
  taken: readonly Interval[];
  now: Micros;
  /** The oldest begin that the marketplace takes. */
  notBefore: Micros;
  /** Codes by which the marketplace says that another record of the interval came first. */
  duplicateCodes: readonly string[];
}

/**
 * What may be filed again: `same_slot`, where the marketplace takes a slot only once, so that a second record of it cannot
 * be billed beside the first; `refused_only`, where nothing keeps it from that.
 */
export type Supersede = "same_slot" | "refused_only";

/**
 * Why a record may not be filed again so; undefined where it may (SPEC 7). In the same slot first-wins forbids a double, if
 * the marketplace promises it. In another one nothing does: there the marketplace must have shown that the record, and
 * all that it replaced, are void, and that no other record of the old interval is the reason.
 */
export function rereportProblem(context: RereportContext, rule: Supersede = "same_slot"): string | undefined {
  const { records, interval, begin, notBefore } = context;
  const [record] = records;
  if (transition(record.state, "rereported") === null)
    return `a record that is ${record.state} is not filed again`;
  if (isRefused(record) && record.mayHaveBeenTaken)
    return "a call with it may have been taken: a statement must show first that it was not";
  if (rule === "refused_only" && !records.every((each) => isSurelyRefused(each, context.duplicateCodes)))
    return "this marketplace takes a second record beside the first: only what it refused is filed again";
  if ((interval?.begin ?? begin) < notBefore)
    return "the marketplace no longer takes records that begin then";
  if (!interval) return undefined;
  if (!records.every((each) => isVoid(each, context.duplicateCodes)))
    return "in another interval only what the marketplace showed to be void is filed: this might bill it twice";
  return intervalProblem(interval, context);
}

const isRefused = ({ state }: Refiled) => state === "rejected_fixable" || state === "rejected_final";

/**
 * Whether a record holds its slot: it is there, or may be, or another is, or it may still get there. A record of 0 does as
 * any other.
 */
export function holdsSlot({ state, mayHaveBeenTaken }: Omit<Refiled, "code">): boolean {
  switch (state) {
    case "rejected_fixable":
    case "rejected_final":
    case "expired":
      return mayHaveBeenTaken;
    case "abnormal":
    case "replaced":
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

/** Refused, by no call that may have been taken, and not for a record that was there before. */
function isSurelyRefused(record: Refiled, duplicateCodes: readonly string[]): boolean {
  const isBehind = record.code !== null && duplicateCodes.includes(record.code);
  return isRefused(record) && !holdsSlot(record) && !isBehind;
}

/** Shown void by a statement, or surely refused; not where the marketplace names another record of the interval. */
export function isVoid(record: Refiled, duplicateCodes: readonly string[]): boolean {
  if (record.code !== null && duplicateCodes.includes(record.code)) return false;
  return record.state === "abnormal" || (isRefused(record) && !record.mayHaveBeenTaken);
}

function intervalProblem({ begin, end }: Interval, context: RereportContext): string | undefined {
  const { life, taken, now } = context;
  if (begin % SECOND !== 0 || end % SECOND !== 0 || begin >= end)
    return "begin and end are whole seconds, begin first";
  if (hourOf(begin) !== hourOf(end - SECOND)) return "a record lies inside one hour";
  if (begin < life.opened || end > (life.closed ?? Infinity))
    return "a record lies inside its instance's life";
  if (end > now) return "a record ends before it is filed";
  if (taken.some((other) => other.begin < end && begin < other.end))
    return "another record of the instance, or a freeze, lies in that interval";
  return undefined;
}

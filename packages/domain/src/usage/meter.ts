import type { QuarantineReason } from "../errors.js";
import type { UsageEvent } from "./usageEvent.js";
import { valueKey } from "./identity.js";
import { addDecimals, scaleOf } from "../quantity.js";
import type { Micros } from "../time.js";

/** How the events of an hour become its quantity. */
export const AGGREGATIONS = ["sum", "count", "max", "unique"] as const;
export type Aggregation = (typeof AGGREGATIONS)[number];

export interface Meter {
  code: string;
  aggregation: Aggregation;
  unit: string;
  /** Decimals a quantity of this meter may have. */
  scale: number;
}

export const DEFAULT_SCALE = 6;

/** Why this meter cannot count the event; undefined if it can. */
export function refusalOf(
  meter: Meter,
  event: Pick<UsageEvent, "quantity" | "value">,
): QuarantineReason | undefined {
  switch (meter.aggregation) {
    case "count":
      return undefined;
    case "unique":
      return event.value === undefined ? "value_missing" : undefined;
    case "sum":
    case "max":
      if (event.quantity === undefined) return "quantity_missing";
      return scaleOf(event.quantity) > meter.scale ? "scale_exceeded" : undefined;
  }
}

/** An event that its instance's meter counts, with its own hour and the hour that bills it. */
export interface CountedEvent {
  shard: number;
  instanceNo: number;
  aggregation: Aggregation;
  originHour: Micros;
  /**
   * The first hour of the shard that was open when the event was counted; later than the origin hour if the event was
   * late.
   */
  billHour: Micros;
  quantity?: string | undefined;
  value?: string | undefined;
}

/** What a batch adds to one hour of one instance. */
export interface HourAddition {
  shard: number;
  billHour: Micros;
  instanceNo: number;
  originHour: Micros;
  quantity: string;
  events: number;
}

/** A `max` addition: the largest value of the batch; the standing value decides what it adds. */
export type MaxCandidate = HourAddition;

/** A `unique` addition: the values of the batch; each one not seen before in the origin hour adds one. */
export interface UniqueCandidate extends HourAddition {
  valueKeys: string[];
}

export interface FoldedBatch {
  additions: HourAddition[];
  maxima: MaxCandidate[];
  uniques: UniqueCandidate[];
}

/**
 * Folds counted events by (shard, bill hour, instance, origin hour), each list sorted by that key: overlapping
 * batches in different orders would deadlock (failures.md 2.34).
 */
export function foldBatch(events: readonly CountedEvent[]): FoldedBatch {
  const groups = new Map<string, { first: CountedEvent; events: CountedEvent[] }>();
  for (const event of events) {
    const key = `${event.billHour}|${event.instanceNo}|${event.originHour}`;
    const group = groups.get(key);
    if (group) group.events.push(event);
    else groups.set(key, { first: event, events: [event] });
  }
  const folded: FoldedBatch = { additions: [], maxima: [], uniques: [] };
  for (const { first, events: members } of groups.values()) addGroup(folded, first, members);
  for (const list of [folded.additions, folded.maxima, folded.uniques]) list.sort(byKey);
  return folded;
}

function addGroup(folded: FoldedBatch, first: CountedEvent, members: CountedEvent[]): void {
  const { shard, billHour, instanceNo, originHour, aggregation } = first;
  const addition = { shard, billHour, instanceNo, originHour, quantity: "0", events: members.length };
  switch (aggregation) {
    case "count":
      folded.additions.push({ ...addition, quantity: String(members.length) });
      break;
    case "sum":
      folded.additions.push({
        ...addition,
        quantity: addDecimals(...members.map((event) => event.quantity!)),
      });
      break;
    case "max":
      folded.maxima.push({ ...addition, quantity: largest(members.map((event) => event.quantity!)) });
      break;
    case "unique": {
      const valueKeys = [...new Set(members.map((event) => valueKey(event.value!)))].sort();
      folded.uniques.push({ ...addition, valueKeys });
    }
  }
}

function largest(quantities: string[]): string {
  return quantities.reduce((most, next) => (compareDecimals(next, most) > 0 ? next : most));
}

/** Compares two canonical decimals that are not negative. */
export function compareDecimals(a: string, b: string): number {
  const [wholeA, fractionA = ""] = a.split(".") as [string, string?];
  const [wholeB, fractionB = ""] = b.split(".") as [string, string?];
  if (wholeA.length !== wholeB.length) return wholeA.length - wholeB.length;
  if (wholeA !== wholeB) return wholeA < wholeB ? -1 : 1;
  const width = Math.max(fractionA.length, fractionB.length);
  const [left, right] = [fractionA.padEnd(width, "0"), fractionB.padEnd(width, "0")];
  return left === right ? 0 : left < right ? -1 : 1;
}

function byKey(a: HourAddition, b: HourAddition): number {
  return (
    a.shard - b.shard || a.billHour - b.billHour || a.instanceNo - b.instanceNo || a.originHour - b.originHour
  );
}

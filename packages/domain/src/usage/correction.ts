import type { Aggregation } from "./meter.js";
import type { QuarantineReason } from "../errors.js";
import { addDecimals } from "../quantity.js";

/**
 * What an event does to an earlier one of its source: `corrects` replaces its quantity by this event's, `cancels`
 * takes it back. Nothing is edited: the signed difference is counted in the hour of the mistaken event while that is
 * open, else in the first open hour.
 */
export interface Correction {
  kind: "corrects" | "cancels";
  /** Id of the mistaken event; of the correcting event if that was mistaken too. */
  id: string;
}

type Attributes = Record<string, string | number | boolean> | undefined;

/** What is wrong with a correcting event's attributes. */
export type CorrectionProblem = "both" | "no_id" | "itself" | "no_quantity" | "quantity";

/** Reads the extension attributes `corrects` and `cancels`. @returns undefined for an event that corrects nothing. */
export function readCorrection(
  id: string,
  attributes: Attributes,
  quantity: string | undefined,
): Correction | CorrectionProblem | undefined {
  const { corrects, cancels } = attributes ?? {};
  if (corrects === undefined && cancels === undefined) return undefined;
  if (corrects !== undefined && cancels !== undefined) return "both";
  const target = corrects ?? cancels;
  if (typeof target !== "string" || target === "") return "no_id";
  if (target === id) return "itself";
  if (corrects !== undefined)
    return quantity === undefined ? "no_quantity" : { kind: "corrects", id: target };
  return quantity === undefined ? { kind: "cancels", id: target } : "quantity";
}

/** The field of a problem, and what would be right. */
export function correctionProblem(problem: CorrectionProblem): [field: string, detail: string] {
  switch (problem) {
    case "both":
      return ["cancels", "must not be combined with corrects: an event does one of the two"];
    case "no_id":
      return ["corrects", "must be the id of the mistaken event"];
    case "itself":
      return ["corrects", "must be the id of another event"];
    case "no_quantity":
      return ["data.quantity", "is required with corrects: the right quantity"];
    case "quantity":
      return ["data.quantity", "must not be given with cancels"];
  }
}

/**
 * What a correction adds to the usage of its meter: decimal text, signed.
 * @param current quantity that the mistaken event counts for now
 * @param right quantity that it should count for, 0 for a cancellation
 * @returns the reason if the meter does not allow it: `max` and `unique` do not add up, `count` has no quantity.
 */
export function correctionDelta(
  aggregation: Aggregation,
  kind: Correction["kind"],
  current: string,
  right: string,
): { delta: string } | { reason: QuarantineReason } {
  switch (aggregation) {
    case "sum":
      return { delta: addDecimals(right, negated(current)) };
    case "count":
      // An event that already counts for nothing has nothing to take back.
      return kind === "cancels" && current !== "0"
        ? { delta: negated(current) }
        : { reason: "correction_impossible" };
    case "max":
    case "unique":
      return { reason: "correction_impossible" };
  }
}

const negated = (quantity: string): string =>
  quantity.startsWith("-") ? quantity.slice(1) : quantity === "0" ? quantity : `-${quantity}`;

import type { Aggregation } from "./meter.js";
import type { QuarantineReason } from "../errors.js";
import { addDecimals } from "../quantity.js";

/**
 * What an event does to an earlier one of its source: `corrects` gives it the quantity of this event, `cancels` takes it
 * back. Nothing is edited: the difference is counted, with the sign it has, in the hour of the mistaken event while
 * that is open, else in the first open one.
 */
export interface Correction {
  kind: "corrects" | "cancels";
  /** Id of the mistaken event; of a correcting one where that was mistaken too. */
  id: string;
}

type Attributes = Record<string, string | number | boolean> | undefined;

/** Which attribute of a correcting event is wrong, and what would be right. */
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
      return ["cancels", "must not stand beside corrects: an event does one of the two"];
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
 * What a correction adds to the usage of its meter: decimal text with its sign.
 * @param current quantity that the mistaken event counts for now. @param right what it should, 0 for a cancellation
 * @returns why it cannot be where the meter does not allow it: `max` and `unique` do not add up, `count` has no quantity.
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
      // What counts for nothing any more has nothing to take back.
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

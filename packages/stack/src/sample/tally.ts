import { formatUnits, toUnits, trimDecimal } from "@quarterpast/domain";
import type { SampleMeter } from "./catalog.js";
import type { SampleEvent } from "./usage.js";

/** Counts the usage of one instance in one hour, by the generator's own implementation of meters. */
export interface Tally {
  add(event: SampleEvent): void;
  /** Decimal text without trailing zeros. */
  quantity(): string;
  events(): number;
}

export function createTally({ aggregation, scale }: SampleMeter): Tally {
  const values = new Set<string>();
  let units = 0n;
  let events = 0;
  return {
    add({ input }) {
      events += 1;
      const given = input.quantity === undefined ? 0n : toUnits(String(input.quantity), scale);
      if (aggregation === "sum") units += given;
      else if (aggregation === "max") units = given > units ? given : units;
      else if (aggregation === "unique") values.add(input.value!);
      else units += 1n;
    },
    quantity: () => (aggregation === "unique" ? String(values.size) : trimDecimal(formatUnits(units, scale))),
    events: () => events,
  };
}

import { addDecimals, trimDecimal } from "@quarterpast/domain";
import { INSTANCES, METERS, type SampleMeter } from "./catalog.js";

/** Quantities by instance; a missing instance has 0. */
export type Quantities = ReadonlyMap<string, string>;

/** An instance with different quantities on the two sides. */
export interface Mismatch {
  instanceId: string;
  sent: string;
  billed: string;
}

/** The two sides of one meter, summed over its instances. */
export interface MeterComparison {
  meter: SampleMeter;
  sent: string;
  billed: string;
}

export interface Comparison {
  meters: MeterComparison[];
  mismatches: Mismatch[];
}

/**
 * Compares the generator's own sums with the marketplace's. Equal means equal for every instance, not only in total.
 */
export function compare(sent: Quantities, billed: Quantities): Comparison {
  const of = (quantities: Quantities, instanceId: string) => trimDecimal(quantities.get(instanceId) ?? "0");
  const sides = INSTANCES.map(({ instanceId, meter }) => ({
    ...{ instanceId, meter },
    sent: of(sent, instanceId),
    billed: of(billed, instanceId),
  }));
  return {
    meters: METERS.map((meter) => {
      const own = sides.filter((side) => side.meter === meter);
      return {
        meter,
        sent: addDecimals("0", ...own.map((side) => side.sent)),
        billed: addDecimals("0", ...own.map((side) => side.billed)),
      };
    }),
    mismatches: sides.filter((side) => side.sent !== side.billed),
  };
}

/** Adds up the quantities of each instance, which may have several records. */
export function sumByInstance(rows: Iterable<{ instanceId: string; quantity: string }>): Map<string, string> {
  const sums = new Map<string, string>();
  for (const { instanceId, quantity } of rows) {
    sums.set(instanceId, addDecimals(sums.get(instanceId) ?? "0", quantity));
  }
  return sums;
}

/** `1234567.5` as `1,234,567.5`. */
export function grouped(decimal: string): string {
  const [whole, fraction] = decimal.split(".") as [string, string?];
  const text = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? text : `${text}.${fraction}`;
}

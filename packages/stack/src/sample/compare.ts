import { addDecimals, trimDecimal } from "@quarterpast/domain";
import { INSTANCES, METERS, type SampleMeter } from "./catalog.js";

/** Quantities by instance; an instance that is not there has 0. */
export type Quantities = ReadonlyMap<string, string>;

/** An instance of which the two sides say different things. */
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

/** Lays the generator's own sums beside the marketplace's. Equal means equal for every instance, not in sum alone. */
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

/** Adds the quantities of one instance up, where it has several records. */
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

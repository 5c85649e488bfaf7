import { lineText, type Fields } from "./archive.js";
import type { Manifest } from "./manifest.js";
import { createTree, rootOf } from "./merkle.js";
import { createRecordLeaves } from "./recordLeaves.js";
import { formatUnits, QUANTITY_MAX_SCALE, trimDecimal, unitsOf } from "../quantity.js";

/** What an hour's manifest says about its lines, except the hash over the body. */
export type HourRoots = Pick<
  Manifest,
  "records" | "usages" | "events" | "recordsRoot" | "usageRoot" | "chainsRoot" | "totalsRoot"
>;

/** One line of an hour's totals: what was filed for a product and meter, by kind of record. */
export interface Total {
  kind: string;
  meter: string;
  product: string;
  unit: string;
  quantity: string;
  records: number;
}

/** Gathers an hour's roots and totals from its lines, given in the order of the export. */
export interface HourGatherer {
  usage(text: string, events: number): void;
  record(fields: Fields, checksum: string): void;
  chain(text: string): void;
  totals(): Total[];
  counts(): Pick<HourRoots, "records" | "usages" | "events">;
  /** Hashes all that was gathered; call it once an hour. */
  roots(): HourRoots;
}

/** Begins an empty hour. */
export function createHourGatherer(): HourGatherer {
  const usages = createTree();
  const chains = createTree();
  const records = createRecordLeaves();
  const sums = new Map<string, { fields: Fields; units: bigint; records: number }>();
  let events = 0;
  const totals = (): Total[] =>
    [...sums.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { fields, units, records: count }]) => ({
        kind: fields.kind!,
        meter: fields.meter!,
        product: fields.product!,
        unit: fields.unit!,
        quantity: trimDecimal(formatUnits(units, QUANTITY_MAX_SCALE)),
        records: count,
      }));
  const counts = () => ({ records: records.size(), usages: usages.size(), events });
  return {
    usage(text, count) {
      usages.add(text);
      events += count;
    },
    record(fields, checksum) {
      records.add(fields.sn!, checksum);
      const { kind, meter, product, unit } = fields;
      const key = `${product}\n${meter}\n${unit}\n${kind}`;
      let sum = sums.get(key);
      if (!sum) sums.set(key, (sum = { fields, units: 0n, records: 0 }));
      sum.units += unitsOf(fields.qty!);
      sum.records += 1;
    },
    chain: (text) => chains.add(text),
    totals,
    counts,
    roots: () => ({
      ...counts(),
      recordsRoot: records.root(),
      usageRoot: usages.root(),
      chainsRoot: chains.root(),
      totalsRoot: rootOf(totals().map(totalText)),
    }),
  };
}

/** The canonical bytes of a total. */
export function totalText({ records, ...total }: Total): string {
  return lineText("total", { ...total, records: String(records) });
}

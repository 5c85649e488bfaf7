import type { Fields } from "./archive.js";
import type { Manifest } from "./manifest.js";
import { createTree, rootOf } from "./merkle.js";
import { formatUnits, QUANTITY_MAX_SCALE, trimDecimal, unitsOf } from "./quantity.js";
import { canonicalObject } from "./record.js";

/** What one hour's manifest says of its lines, the hash over the body apart. */
export type HourRoots = Pick<
  Manifest,
  "records" | "usages" | "events" | "recordsRoot" | "usageRoot" | "chainsRoot" | "totalsRoot"
>;

/** One line of an hour's totals: what was filed of a product and meter, by kind of record. */
export interface Total {
  kind: string;
  meter: string;
  product: string;
  unit: string;
  quantity: string;
  records: number;
}

/** Gathers an hour's roots and totals from its lines, in the order of the export. */
export interface HourGatherer {
  usage(text: string, events: number): void;
  record(fields: Fields, checksum: string): void;
  chain(text: string): void;
  totals(): Total[];
  roots(): HourRoots;
}

/** Begins an hour with nothing in it. */
export function createHourGatherer(): HourGatherer {
  const usages = createTree();
  const chains = createTree();
  const records: { sn: string; checksum: string }[] = [];
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
  return {
    usage(text, count) {
      usages.add(text);
      events += count;
    },
    record(fields, checksum) {
      records.push({ sn: fields.sn!, checksum });
      const { kind, meter, product, unit } = fields;
      const key = [product, meter, unit, kind].join("\n");
      const sum = sums.get(key) ?? { fields, units: 0n, records: 0 };
      sum.units += unitsOf(fields.qty!);
      sum.records += 1;
      sums.set(key, sum);
    },
    chain: (text) => chains.add(text),
    totals,
    roots: () => ({
      records: records.length,
      usages: usages.size(),
      events,
      recordsRoot: rootOf(
        [...records]
          .sort((a, b) => (a.sn < b.sn ? -1 : 1))
          .map(({ checksum }) => Buffer.from(checksum, "hex")),
      ),
      usageRoot: usages.root(),
      chainsRoot: chains.root(),
      totalsRoot: rootOf(totals().map(totalText)),
    }),
  };
}

/** The canonical bytes of a total. */
export function totalText({ records, ...total }: Total): string {
  return canonicalObject({ ...total, records: String(records) });
}

import type { Fields } from "./archive.js";
import { eventKey, valueKey } from "../usage/identity.js";
import { decodeText } from "./leaf.js";
import { createTree } from "./merkle.js";
import { compareDecimals } from "../usage/meter.js";
import type { Finding } from "./proofProblems.js";
import { formatUnits, isDecimal, QUANTITY_MAX_SCALE, trimDecimal, unitsOf } from "../quantity.js";
import { formatCompact, hourOf, parseInstant } from "../time.js";

type Report = (code: Finding["code"], where: string, expected?: string, found?: string) => void;

interface Group {
  events: number;
  /** How many of them cancel another event: their quantity is below 0. */
  cancelling: number;
  units: bigint;
  max: string;
  values: Set<string>;
}

/** The standing values of max and unique meters, per instance and origin hour, over the hours verified in one run. */
export interface Standing {
  /** Hours verified so far: for an origin hour among them, all that was counted before is known. */
  hours: Set<string>;
  of: Map<string, { max: string; values: Set<string> }>;
}

/** Checks the events of one instance against its usage line; then starts over for the next instance. */
export interface UsageChecker {
  event(fields: Fields, text: string): void;
  origin(fields: Fields): void;
  usage(fields: Fields): void;
}

const SCALE = QUANTITY_MAX_SCALE;

/**
 * Creates the checker of one hour's usage.
 * @param context `hour` in compact form; with `withEvents` false, events are left out and quantities are checked only
 *   by origin.
 */
export function createUsageChecker(
  context: { account: string; hour: string; withEvents: boolean; standing: Standing },
  report: Report,
): UsageChecker {
  const { account, hour, withEvents, standing } = context;
  let tree = createTree();
  let groups = new Map<string, Group>();
  let origins: Fields[] = [];
  let lastKey: [Buffer, string] | undefined;
  let lastInstance = "";
  let current: string | undefined;

  const belongs = (instance: string): boolean => {
    current ??= instance;
    return current === instance;
  };

  function recompute(aggregation: string, instance: string, origin: string): string | undefined {
    const group = groups.get(origin);
    if (!group) return undefined;
    if (aggregation === "sum") return trimDecimal(formatUnits(group.units, SCALE));
    if (aggregation === "count") return String(group.events - 2 * group.cancelling);
    const key = `${instance}\n${origin}`;
    // The standing value of an origin hour outside this run is unknown.
    if (origin !== hour && !standing.hours.has(origin)) return undefined;
    const before = standing.of.get(key) ?? { max: "0", values: new Set<string>() };
    if (aggregation === "max") {
      const max = compareDecimals(group.max, before.max) > 0 ? group.max : before.max;
      standing.of.set(key, { max, values: before.values });
      return trimDecimal(formatUnits(unitsOf(max) - unitsOf(before.max), SCALE));
    }
    const values = new Set([...before.values, ...group.values]);
    standing.of.set(key, { max: "0", values });
    return String(values.size - before.values.size);
  }

  function checkOrigins(usage: Fields): void {
    const instance = usage.instance!;
    let units = 0n;
    let events = 0;
    for (const { origin = "", quantity = "", events: count = "" } of origins) {
      const where = `${instance} ${origin}`;
      if (!isDecimal(quantity) || !/^\d{1,15}$/.test(count) || origin > hour) {
        report("usage_quantity", where, undefined, quantity);
        continue;
      }
      units += unitsOf(quantity);
      events += Number(count);
      if (!withEvents) continue;
      const group = groups.get(origin);
      if (String(group?.events ?? 0) !== count) {
        report("events_count", where, count, String(group?.events ?? 0));
      }
      const again = recompute(usage.aggregation!, instance, origin);
      if (again !== undefined && again !== quantity) report("usage_quantity", where, quantity, again);
    }
    if (trimDecimal(formatUnits(units, SCALE)) !== usage.quantity) {
      report("usage_quantity", instance, usage.quantity, trimDecimal(formatUnits(units, SCALE)));
    }
    if (String(events) !== usage.events) report("events_count", instance, usage.events, String(events));
  }

  return {
    event(fields, text) {
      const {
        instance = "",
        id = "",
        key = "",
        source = "",
        time = "",
        quantity = "",
        account_named: named,
      } = fields;
      if (!belongs(instance) || fields.account !== account) report("event_foreign", `${source} ${id}`);
      const [decodedId, decodedSource] = [decodeText(id), decodeText(source)];
      if (decodedId === undefined || eventKey(decodedId) !== key) report("event_key", `${source} ${id}`);
      const at = parseInstant(time);
      const isNamed = named === undefined || (named !== "" && decodeText(named) !== undefined);
      if (
        !isNamed ||
        at === undefined ||
        decodedSource === undefined ||
        (quantity !== "" && !isDecimal(quantity))
      ) {
        report("event_foreign", `${source} ${id}`);
        return;
      }
      const order: [Buffer, string] = [Buffer.from(decodedSource, "utf8"), key];
      if (lastKey) {
        const bySource = Buffer.compare(lastKey[0], order[0]);
        if (bySource > 0 || (bySource === 0 && lastKey[1] >= key)) report("event_order", `${source} ${id}`);
      }
      lastKey = order;
      tree.add(text);
      const origin = formatCompact(hourOf(at));
      const group = groups.get(origin) ?? {
        events: 0,
        cancelling: 0,
        units: 0n,
        max: "0",
        values: new Set<string>(),
      };
      groups.set(origin, group);
      group.events += 1;
      if (quantity.startsWith("-")) group.cancelling += 1;
      if (quantity !== "") {
        group.units += unitsOf(quantity);
        if (compareDecimals(quantity, group.max) > 0) group.max = quantity;
      }
      if (fields.value !== "") group.values.add(valueKey(decodeText(fields.value!) ?? ""));
    },
    origin(fields) {
      if (!belongs(fields.instance!)) report("line_out_of_order", fields.instance!);
      origins.push(fields);
    },
    usage(fields) {
      const instance = fields.instance!;
      if (!belongs(instance) || fields.account !== account || fields.hour !== hour)
        report("line_out_of_order", instance);
      if (instance <= lastInstance) report("usage_order", instance);
      checkOrigins(fields);
      if (withEvents && tree.root() !== fields.root)
        report("events_root", instance, fields.root, tree.root());
      if (withEvents && String(tree.size()) !== fields.events)
        report("events_count", instance, fields.events, String(tree.size()));
      [tree, groups, origins, lastKey, current] = [createTree(), new Map(), [], undefined, undefined];
      lastInstance = instance;
    },
  };
}

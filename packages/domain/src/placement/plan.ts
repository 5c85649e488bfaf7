import {
  billableSpan,
  countParts,
  planParts,
  supplementInterval,
  type Interval,
  type PackageShare,
  type PartPlan,
} from "./interval.js";
import type { RecordLimits } from "../billing/limits.js";
import { addDecimals, formatUnits, splitAtScale, toUnits } from "../quantity.js";
import type { CarriedIn, RecordBody, RecordKind } from "../billing/record.js";
import { HOUR, type Micros } from "../time.js";

/** The usage that a sealed hour holds for one instance. */
export interface UsageToBill {
  account: string;
  product: string;
  instance: string;
  meter: string;
  unit: string;
  opened: Micros;
  closed: Micros | null;
  /** Decimal text: the hour's own usage; below 0 if corrections took back more than was used. */
  quantity: string;
  events: number;
  /** Decimal text carried in from the instance's last hour; below 0 if it is a credit. */
  residue: string;
  /** From earlier records that certainly were not taken: filed again as part of this hour, if a record can be made. */
  carried?: CarriedIn | undefined;
  /** What packages cover of `billableQuantity`, in order. */
  shares?: readonly PackageShare[];
}

export interface BillingPlan {
  /** Empty if the total is below the marketplace's last decimal: nothing is filed, the residue is carried. */
  bodies: RecordBody[];
  /** Decimal text carried out. */
  residue: string;
  /** Why the usage cannot be billed at all; its quantity is then neither in a record nor in the residue. */
  unbillable?: string;
}

export interface PlanContext {
  hour: Micros;
  recordTime: Micros;
  limits: RecordLimits;
  /** The oldest begin that the marketplace still accepts. */
  notBefore: Micros;
  /**
   * Intervals in which this instance has records that hold their slot; needed only if its life ended before the hour.
   */
  taken: readonly Interval[];
}

/** Whether the usage needs a supplement: its instance did not live in the hour that bills it (SPEC 4). */
export function needsSupplement(hour: Micros, usage: Pick<UsageToBill, "opened" | "closed">): boolean {
  return billableSpan(hour, lifeOf(usage)) === undefined;
}

/**
 * The part of an hour's usage that is filed, if its life has room for it: decimal text. Packages cover part of this.
 */
export function billableQuantity(
  usage: Pick<UsageToBill, "quantity" | "residue">,
  limits: RecordLimits,
): string {
  const total = addDecimals(usage.quantity, usage.residue);
  if (total.startsWith("-")) return "0";
  const decimals = limits.quantityDecimals;
  return formatUnits(splitAtScale(total, decimals).billable, decimals);
}

/** Makes the records of one instance and hour. */
export function planRecords(usage: UsageToBill, context: PlanContext): BillingPlan {
  const total = addDecimals(usage.quantity, usage.residue);
  // More was taken back than used: kept as a credit against later usage.
  if (total === "0" || total.startsWith("-")) return { bodies: [], residue: total };
  const life = lifeOf(usage);
  const span = billableSpan(context.hour, life);
  const { shares = [] } = usage;
  const { shortestInterval: shortest } = context.limits;
  // Shorter than a record may be: the next hour bills it, if there is one.
  if (span && span.end - span.begin < shortest && life.closed === undefined)
    return { bodies: [], residue: total };
  const wanted = () => countParts(total, context.limits, shares, HOUR / shortest);
  const interval = span ?? supplementInterval(life, context.notBefore, context.taken, wanted(), shortest);
  if (!interval || interval.end - interval.begin < shortest) {
    return { bodies: [], residue: usage.residue, unbillable: "no second of its life is left to bill" };
  }
  const plan = planParts(interval, total, context.limits, shares);
  return { bodies: bodiesOf(usage, context, plan, span ? "usage" : "supplement"), residue: plan.residue };
}

/** The record bodies of planned parts. */
export function bodiesOf(
  usage: UsageToBill,
  context: Pick<PlanContext, "hour" | "recordTime">,
  plan: PartPlan,
  kind: RecordKind,
): RecordBody[] {
  const last = plan.parts.length - 1;
  return plan.parts.map((part, at): RecordBody => {
    const { account, product, instance, meter, unit } = usage;
    return {
      account,
      product,
      instance,
      meter,
      unit,
      kind,
      hour: context.hour,
      begin: part.begin,
      end: part.end,
      part: String(part.part),
      quantity: part.quantity,
      // The residue carried in and the events are on the hour's first record, the residue carried out on its last.
      residueIn: at === 0 ? usage.residue : "0",
      residueOut: at === last ? plan.residue : "0",
      events: at === 0 ? usage.events : 0,
      recordTime: context.recordTime,
      packageInstance: part.packageInstance,
    };
  });
}

/** What a record of an hour takes over that takes nothing over: a record of 0 has to say so. */
export const NOTHING_CARRIED: CarriedIn = { quantity: "0", serialNumbers: [] };

/** The life that usage may be billed in. */
export function lifeOf(usage: Pick<UsageToBill, "opened" | "closed">): {
  opened: Micros;
  closed: Micros | undefined;
} {
  return { opened: usage.opened, closed: usage.closed ?? undefined };
}

/**
 * The record that is filed in place of another: in the same interval, where first-wins forbids a double, or in
 * another one that was asked for, if {@link rereportProblem} allows it (SPEC 7).
 */
export function planRereport(
  replaced: Omit<RecordBody, "kind" | "residueIn" | "residueOut" | "recordTime" | "replaces"> & {
    sn: string;
  },
  quantity: string,
  limits: RecordLimits,
  recordTime: Micros,
  interval: Interval = replaced,
): RecordBody {
  const [part, revision = "0"] = replaced.part.split("r") as [string, string?];
  const { account, product, instance, meter, unit, hour, events, sn, packageInstance } = replaced;
  const { begin, end } = interval;
  const decimals = limits.quantityDecimals;
  const units = toUnits(quantity, decimals);
  return {
    account,
    product,
    instance,
    meter,
    unit,
    hour,
    begin,
    end,
    events,
    recordTime,
    kind: "rereport",
    part: `${part}r${Number(revision) + 1}`,
    quantity: formatUnits(units, decimals),
    carried: units === 0n ? NOTHING_CARRIED : undefined,
    residueIn: "0",
    residueOut: "0",
    replaces: sn,
    packageInstance,
  };
}

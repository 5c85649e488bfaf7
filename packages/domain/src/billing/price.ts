import { formatUnits, scaleOf, toUnits, trimDecimal, type Units } from "../quantity.js";

/**
 * How a price follows from usage (koogallery.md 2.3). `fixed` and `tier` price each record by itself, `step` prices
 * all usage of an accumulation period. Only a tier price depends on how usage is cut into records.
 */
export const PRICE_MODELS = ["fixed", "step", "tier"] as const;
export type PriceModel = (typeof PRICE_MODELS)[number];

/** The period over which usage accumulates: for the bands of `step`, and for the free quantity of every model. */
export const PRICE_PERIODS = ["day", "month", "year", "life"] as const;
export type PricePeriod = (typeof PRICE_PERIODS)[number];

/** A range of quantities at one price: above the previous band, up to and including `upTo`. */
export interface PriceBand {
  /** Decimal text; null if the band has no end. */
  upTo: string | null;
  /** Decimal text, in the plan's currency per unit. */
  unitPrice: string;
}

/** What is charged for one meter of a product. */
export interface PricePlan {
  model: PriceModel;
  /** ISO 4217, for example CNY. */
  currency: string;
  period: PricePeriod;
  /** Decimal text: the quantity of each period that is free; bands begin after it. */
  free: string;
  /** In rising order; the last has no end; exactly one if the model is `fixed`. */
  bands: readonly PriceBand[];
}

/** What is wrong with a plan; undefined if it is valid. */
export function planProblem({ model, bands, free }: PricePlan): string | undefined {
  if (bands.length === 0) return "it has no price";
  if (model === "fixed" && bands.length > 1) return "a fixed price has one band";
  if (bands.at(-1)!.upTo !== null) return "the last band must have no end";
  if (isNegative(free) || bands.some(({ unitPrice }) => isNegative(unitPrice)))
    return "nothing may be negative";
  const ends = bands.slice(0, -1).map(({ upTo }) => upTo);
  const rises = ends.every(
    (end, at) => end !== null && compare(end, at === 0 ? "0" : (ends[at - 1] ?? "0")) > 0,
  );
  return rises ? undefined : "the ends of the bands must rise, from above 0";
}

/**
 * The exact charge for a record: decimal text in the plan's currency, never rounded.
 * @param before quantity used by earlier records of the same instance and period, decimal text
 * @param quantity of the record, decimal text
 */
export function chargeFor(plan: PricePlan, before: string, quantity: string): string {
  const { quantityScale, priceScale, bands } = scaled(plan, before, quantity);
  const units = (text: string) => toUnits(text, quantityScale);
  const paid = (used: Units): Units => (used > units(plan.free) ? used - units(plan.free) : 0n);
  const [from, to] = [paid(units(before)), paid(units(before) + units(quantity))];
  const amount =
    plan.model === "step"
      ? feeUpTo(bands, to) - feeUpTo(bands, from)
      : (to - from) * priceAt(bands, to - from);
  return trimDecimal(formatUnits(amount, quantityScale + priceScale));
}

interface ScaledBand {
  from: Units;
  to: Units | undefined;
  price: Units;
}

function scaled(plan: PricePlan, before: string, quantity: string) {
  const texts = [before, quantity, plan.free, ...plan.bands.map(({ upTo }) => upTo ?? "0")];
  const quantityScale = Math.max(...texts.map(scaleOf));
  const priceScale = Math.max(...plan.bands.map(({ unitPrice }) => scaleOf(unitPrice)));
  let from = 0n;
  const bands = plan.bands.map(({ upTo, unitPrice }): ScaledBand => {
    const to = upTo === null ? undefined : toUnits(upTo, quantityScale);
    const band = { from, to, price: toUnits(unitPrice, priceScale) };
    from = to ?? from;
    return band;
  });
  return { quantityScale, priceScale, bands };
}

/** The graduated fee for a total: each band's part at its own price. */
function feeUpTo(bands: readonly ScaledBand[], total: Units): Units {
  return bands.reduce((fee, { from, to, price }) => {
    const end = to === undefined || total < to ? total : to;
    return end > from ? fee + (end - from) * price : fee;
  }, 0n);
}

/** The price of the band that a quantity falls into. */
function priceAt(bands: readonly ScaledBand[], quantity: Units): Units {
  return bands.find(({ to }) => to === undefined || quantity <= to)!.price;
}

/** A record to price together with the others of its instance and period, in order of time. */
export interface PricedQuantity {
  /** Records of the same accumulation period have the same text here. */
  period: string;
  quantity: string;
}

/** The charge for each record of one instance, in order. */
export function chargeAll(plan: PricePlan, records: readonly PricedQuantity[]): string[] {
  const used = new Map<string, string>();
  return records.map(({ period, quantity }) => {
    const before = used.get(period) ?? "0";
    used.set(period, add(before, quantity));
    return chargeFor(plan, before, quantity);
  });
}

/** Money rounded half away from zero to `decimals` decimals, as bills show it. */
export function roundMoney(amount: string, decimals: number): string {
  const scale = Math.max(scaleOf(amount), decimals);
  const units = toUnits(amount, scale);
  const step = 10n ** BigInt(scale - decimals);
  const size = units < 0n ? -units : units;
  const rounded = (size + step / 2n) / step;
  return formatUnits(units < 0n ? -rounded : rounded, decimals);
}

function add(a: string, b: string): string {
  const scale = Math.max(scaleOf(a), scaleOf(b));
  return formatUnits(toUnits(a, scale) + toUnits(b, scale), scale);
}

function compare(a: string, b: string): number {
  const scale = Math.max(scaleOf(a), scaleOf(b));
  const [left, right] = [toUnits(a, scale), toUnits(b, scale)];
  return left === right ? 0 : left < right ? -1 : 1;
}

const isNegative = (text: string) => text.startsWith("-");

/** What expected revenue can be grouped by. */
export const REVENUE_BY = ["product", "instance", "subject", "record"] as const;
export type RevenueBy = (typeof REVENUE_BY)[number];

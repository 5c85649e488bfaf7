import type { Meter } from "@quarterpast/domain";

/** Identifies the sample's generator as the source of its events. */
export const SOURCE = "quarterpast-sample";

/** The sample's meters: one of each kind. */
export const METERS = [
  { code: "llm.tokens", aggregation: "sum", unit: "1K tokens", scale: 4 },
  { code: "api.calls", aggregation: "count", unit: "call", scale: 0 },
  { code: "active.users", aggregation: "unique", unit: "user", scale: 0 },
  { code: "storage.peak", aggregation: "max", unit: "GB", scale: 2 },
] as const satisfies readonly Meter[];

export type SampleMeter = (typeof METERS)[number];

/** A billing item that a customer of the sample bought. */
export interface SampleInstance {
  instanceId: string;
  product: string;
  subject: string;
  meter: SampleMeter;
  /** How much its customer uses, relative to the others. */
  size: number;
}

const PRODUCT = "sample-assistant";

/** Customers, their sizes, and the meters they bought. */
const CUSTOMERS: [name: string, size: number, meters: SampleMeter["code"][]][] = [
  ["aurora-clinics", 3, ["llm.tokens", "api.calls", "active.users", "storage.peak"]],
  ["bluebird-logistics", 2, ["llm.tokens", "api.calls", "storage.peak"]],
  ["cedar-insurance", 4, ["llm.tokens", "active.users"]],
  ["delta-robotics", 1, ["llm.tokens", "api.calls", "storage.peak"]],
  ["evergreen-schools", 2, ["llm.tokens", "active.users"]],
  ["fjord-energy", 1, ["llm.tokens", "api.calls"]],
  ["granite-games", 5, ["llm.tokens", "active.users"]],
  ["harbour-foods", 1, ["llm.tokens", "api.calls"]],
];

/** The sample's instances, in a fixed order, because the generator's numbers depend on it. */
export const INSTANCES: readonly SampleInstance[] = CUSTOMERS.flatMap(([subject, size, codes]) =>
  codes.map((code) => ({
    instanceId: `sample-${subject}-${code}`,
    product: PRODUCT,
    subject,
    meter: METERS.find((meter) => meter.code === code)!,
    size,
  })),
);

export const CUSTOMER_COUNT = CUSTOMERS.length;

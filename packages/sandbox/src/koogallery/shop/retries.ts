/** How a purchase that did not open is retried. */
export type RetrySchedule = {
  /** Milliseconds from each call to the next; after the last the order has failed. */
  waits: readonly number[];
  /** Which clock's milliseconds: the product's clock may run faster. */
  of: "real" | "product";
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/**
 * The marketplace's own schedules for a new purchase, by generation of its guides (specification 3.8), and a shorter
 * one for use at home.
 */
export const RETRY_SCHEDULES = {
  home: {
    waits: [500, 1_000, 2_000, 4_000, 8_000, 15_000, ...Array<number>(94).fill(30_000)],
    of: "real",
  },
  saas: { waits: Array<number>(3).fill(HOUR_MS), of: "product" },
  licence: { waits: Array<number>(60).fill(2 * MINUTE_MS), of: "product" },
} satisfies Record<string, RetrySchedule>;

export type Retries = keyof typeof RETRY_SCHEDULES;

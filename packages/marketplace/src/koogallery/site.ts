import { DAY, HOUR, MINUTE, SECOND, type RecordLimits, type WindowRule } from "@quarterpast/domain";
import type { CallRates } from "../profile.js";
import type { RetryRule } from "../retry.js";

/** A site of KooGallery: its hosts, and when its day begins. */
export interface SiteProfile {
  primary: string;
  fallback: readonly string[];
  /** By how much its day and month are ahead of UTC (koogallery.md 2.1.2). */
  dayOffset: number;
}

/** Sites with a usage push (koogallery.md 1.1). The international page names a .cn fallback; it is not the default. */
export const SITES = {
  cn: { primary: "mkt.myhuaweicloud.com", fallback: ["mkt.myhuaweicloud.cn"], dayOffset: 8 * HOUR },
  intl: { primary: "mkt-intl.myhuaweicloud.com", fallback: [], dayOffset: 0 },
} as const satisfies Record<string, SiteProfile>;

export type Site = keyof typeof SITES;

export const USAGE_PATH = "/api/mkp-openapi-public/global/v1/isv/usage-data";
/** koogallery.md 1.6. */
export const OLD_USAGE_PATH = "/rest/marketplace/v1/isv/usage-data";

/** koogallery.md 1.4: a double of 12 digits with 4 decimals leaves 8 before the point. */
export const LIMITS: RecordLimits = {
  recordsPerCall: 1000,
  quantityDecimals: 4,
  largestQuantity: "99999999.9999",
  partsPerHour: "many",
  shortestInterval: SECOND,
  filesZero: false,
  serialNumberChars: 64,
  instanceIdChars: 64,
  callBytes: 1_000_000,
};

/** Deadlines (koogallery.md 2.1.2, 2.1.3, 2.1.5): minute 15, then 2 h; for daily billing 00:15, then 01:00. */
export const WINDOWS: WindowRule = {
  hourly: { window: 15 * MINUTE, late: 2 * HOUR },
  daily: { window: 15 * MINUTE, late: HOUR },
  expiry: { from: "begin", after: 21 * DAY },
};

/** Not documented by KooGallery: our own cautious choice, in real time. */
export const RETRY: RetryRule = {
  backoff: {
    window: { firstMs: 500, capMs: 15_000 },
    late: { firstMs: 2_000, capMs: 120_000 },
    overdue: { firstMs: 10_000, capMs: 300_000 },
  },
  halt: { firstMs: 5_000, capMs: 300_000 },
  retryAfterCapMs: 3_600_000,
  timeouts: { connectMs: 5_000, headersMs: 20_000, totalMs: 30_000 },
};

/**
 * Rate limits of the push are not documented: low enough to be considerate (MKT.0250 reports an excess), high enough
 * to file a million records in 100 s.
 */
export const CALLS: CallRates = { inFlight: 4, perSecond: 10, groupedBy: "key", spacingMs: 0 };

import type { SandboxLogger } from "../port.js";
import type { InstancePolicy } from "./rules/instances.js";
import type { Retries } from "./shop/retries.js";
import type { RecordChecks } from "./rules/request.js";

/** `cn` or `intl`: names the site on the page and decides its language if the reader's is unknown. */
export type Site = "cn" | "intl";

export type SandboxOptions = {
  /** The seller's interconnection key. */
  key: string;
  /** Where the raw store is; by default a temporary folder that `close` removes. */
  dataDir?: string;
  /** 0, the default, takes a free port. */
  port?: number;
  host?: string;
  site?: Site;
  instances?: InstancePolicy;
  checks?: RecordChecks;
  /** How far `ts` may be from real time (5 minutes). */
  skewLimitMs?: number;
  /** Real time from acceptance to the background check (200 ms). */
  validationDelayMs?: number;
  /** Largest body in bytes (2 MiB); a larger one is answered with 413, as by a gateway. */
  bodyLimit?: number;
  /** Product time after which serial numbers and intervals are forgotten (never). */
  dedupeWindowMs?: number;
  /** The seller's production address; enables the shop, where a person buys. */
  sellerUrl?: string;
  /** How the shop retries what did not open (`home`). */
  retries?: Retries;
  logger?: SandboxLogger;
  /** Real time in milliseconds. */
  realNow?: () => number;
};

/** The options with their defaults, except `dataDir`. */
export function withDefaults(options: SandboxOptions) {
  return {
    port: 0,
    host: "127.0.0.1",
    site: "cn" as Site,
    instances: "any" as InstancePolicy,
    checks: "sync" as RecordChecks,
    skewLimitMs: 300_000,
    validationDelayMs: 200,
    bodyLimit: 2_097_152,
    dedupeWindowMs: Infinity,
    retries: "home" as Retries,
    logger: { info: () => undefined, error: () => undefined } as SandboxLogger,
    realNow: Date.now,
    ...options,
  };
}

export type FullOptions = ReturnType<typeof withDefaults>;

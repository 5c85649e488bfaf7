import type { MarketplaceProfile } from "@quarterpast/marketplace";
import type { Clock, Logger, Metrics } from "@quarterpast/runtime";
import type { Account, LiveKey, Pool } from "@quarterpast/store";
import type { Prober } from "./doctor/redis.js";
import type { ApiKeys } from "./apiKeys.js";

declare module "fastify" {
  interface FastifyRequest {
    /** The key of this request; set for every route under /v1. */
    apiKey: LiveKey;
  }
}

/** Where the other parts of the stack listen, from a client's point of view. */
export interface Addresses {
  collector: string;
  api: string;
  storefront: string;
  sandbox: string | null;
}

/** An account with what its marketplace requires and promises. */
export interface ApiAccount {
  account: Account;
  profile: MarketplaceProfile;
}

export interface ApiDeps {
  pool: Pool;
  redisUrl: string;
  queuePrefix: string;
  /** The accounts served; at least one. */
  accounts: readonly ApiAccount[];
  addresses: Addresses;
  version: string;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  /** `bytes` random bytes in hex. */
  randomHex: (bytes: number) => string;
}

/** What the routes of one account use. */
export interface RouteDeps extends ApiDeps, ApiAccount {
  apiKeys: ApiKeys;
  redis: Prober;
}

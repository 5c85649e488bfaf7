import { marketplaceOf } from "@quarterpast/marketplace";
import type { StartContext } from "./context.js";
import { localUrl } from "./layout.js";
import { SETTING_NAMES } from "./settings.js";

/** The services of a stack; without the sandbox if records go to another marketplace. */
export type ServiceName = "sandbox" | "collector" | "aggregator" | "reporter" | "storefront" | "api";

/** What the services are connected to. */
export interface Wiring {
  databaseUrl: string;
  redisUrl: string;
  /** Where records go: the sandbox, or the named marketplace. */
  marketplaceUrl: string;
  marketplaceKey: string;
  hasSandbox: boolean;
}

/**
 * The environment of one service: that of this process, with what `up` decides. Secrets are passed this way, never as
 * arguments.
 */
export function environmentOf(name: ServiceName, context: StartContext, wiring: Wiring): NodeJS.ProcessEnv {
  const own = ownSettings(name, context, wiring);
  const env: NodeJS.ProcessEnv = { ...context.env };
  // A real marketplace's keys are not for the sandbox, nor for a service that neither files nor is called by it.
  const hasSecrets = name === "reporter" || name === "storefront";
  const { secrets } = marketplaceOf(context.settings.account.marketplace);
  const foreign = hasSecrets ? (wiring.hasSandbox ? ["MARKETPLACE_KEYS"] : []) : secrets;
  // A name that is set twice, directly and by a file, would be refused by the service.
  for (const key of [...SETTING_NAMES, ...foreign, ...Object.keys(own)]) {
    delete env[key];
    delete env[`${key}_FILE`];
  }
  return { ...env, ...own };
}

function ownSettings(name: ServiceName, { settings, ports, places }: StartContext, wiring: Wiring) {
  const shared = { LOG_LEVEL: settings.LOG_LEVEL, NODE_ENV: "production" };
  const service = {
    ...shared,
    HOST: "127.0.0.1",
    PORT: String(ports[name]),
    DATABASE_URL: wiring.databaseUrl,
  };
  // For another marketplace, AK and SK come from the environment.
  const sandboxAccess = { ORDER_AK: "sandbox", ORDER_SK: wiring.marketplaceKey };
  const marketplace = {
    ACCOUNT: settings.ACCOUNT,
    MARKETPLACE_SITE: settings.account.site,
    MARKETPLACE_URL: wiring.marketplaceUrl,
  };
  switch (name) {
    case "sandbox":
      return {
        ...shared,
        SANDBOX_HOST: "127.0.0.1",
        SANDBOX_PORT: String(ports.sandbox),
        SANDBOX_KEY: wiring.marketplaceKey,
        SANDBOX_DATA_DIR: places.sandbox,
        SANDBOX_SITE: settings.account.site,
        SANDBOX_INSTANCES: "any",
        SANDBOX_SELLER_URL: `${localUrl(ports.storefront)}/koogallery`,
      };
    case "collector":
      return { ...service, REDIS_URL: wiring.redisUrl, COLLECTOR_DATA_DIR: places.collector };
    case "aggregator":
      return { ...service, REDIS_URL: wiring.redisUrl };
    case "reporter":
      return {
        ...service,
        ...marketplace,
        MARKETPLACE_KEY: wiring.marketplaceKey,
        ...(wiring.hasSandbox && sandboxAccess),
        PROOF_DIR: places.proofs,
        ...(wiring.hasSandbox && { MARKETPLACE_STATEMENT_PATH: "/sandbox/sdr" }),
      };
    case "storefront":
      return {
        ...service,
        ACCOUNT: settings.ACCOUNT,
        MARKETPLACE_SITE: settings.account.site,
        MARKETPLACE_KEY: wiring.marketplaceKey,
        // The sandbox's shop answers order queries.
        ...(wiring.hasSandbox && {
          ORDER_QUERY_URL: localUrl(ports.sandbox),
          ...sandboxAccess,
        }),
      };
    case "api":
      return {
        ...service,
        ...marketplace,
        REDIS_URL: wiring.redisUrl,
        API_URL: localUrl(ports.api),
        COLLECTOR_URL: localUrl(ports.collector),
        STOREFRONT_URL: localUrl(ports.storefront),
        ...(wiring.hasSandbox && { SANDBOX_URL: localUrl(ports.sandbox) }),
      };
  }
}

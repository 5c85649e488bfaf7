import { marketplaceOf, type DeclaredAccount } from "@quarterpast/marketplace";
import type { StartContext } from "./context.js";
import { localUrl } from "./layout.js";
import { SETTING_NAMES } from "./settings.js";

/** The services of a stack; without the sandbox if records go to another marketplace. */
export type ServiceName = "sandbox" | "collector" | "aggregator" | "reporter" | "storefront" | "api";

/** What the services are connected to. */
export interface Wiring {
  databaseUrl: string;
  redisUrl: string;
  /** Where records of an account of the environment go: the sandbox, or the marketplace that was named. */
  marketplaceUrl: string;
  /** By which key they are signed; the sandbox's in any case, if there is one. */
  marketplaceKey: string;
  hasSandbox: boolean;
}

/**
 * The environment of one service: that of this process, with what `up` decides. Secrets are passed this way, never as
 * arguments.
 */
export function environmentOf(name: ServiceName, context: StartContext, wiring: Wiring): NodeJS.ProcessEnv {
  const { accounts, isFiled } = context.settings;
  const own = ownSettings(name, context, wiring);
  const env: NodeJS.ProcessEnv = { ...context.env };
  // A real marketplace's keys are not for the sandbox, nor for a service that neither files nor is called by it.
  const hasSecrets = name === "reporter" || name === "storefront";
  const variables = new Set(accounts.flatMap((account) => account.variables));
  const secrets = accounts.flatMap(({ marketplace }) => marketplaceOf(marketplace).secrets);
  const ofSandbox = wiring.hasSandbox && !isFiled ? ["MARKETPLACE_KEYS"] : [];
  const foreign = hasSecrets ? ofSandbox : [...secrets, ...variables];
  // A name that is set twice, plainly and by a file, would be refused by the service.
  for (const key of [...SETTING_NAMES, ...foreign, ...Object.keys(own)]) {
    if (hasSecrets && variables.has(key)) continue;
    delete env[key];
    delete env[`${key}_FILE`];
  }
  return { ...env, ...own };
}

function ownSettings(name: ServiceName, context: StartContext, wiring: Wiring) {
  const { settings, ports, places } = context;
  const shared = { LOG_LEVEL: settings.LOG_LEVEL, NODE_ENV: "production" };
  const service = {
    ...shared,
    HOST: "127.0.0.1",
    PORT: String(ports[name]),
    DATABASE_URL: wiring.databaseUrl,
  };
  switch (name) {
    case "sandbox":
      return {
        ...shared,
        SANDBOX_HOST: "127.0.0.1",
        SANDBOX_PORT: String(ports.sandbox),
        SANDBOX_KEY: wiring.marketplaceKey,
        SANDBOX_DATA_DIR: places.sandbox,
        SANDBOX_MARKETPLACE: sandboxed(context).marketplace,
        SANDBOX_SITE: sandboxed(context).site,
        SANDBOX_INSTANCES: "any",
        SANDBOX_SELLER_URL: sellerUrl(context),
      };
    case "collector":
      return { ...service, REDIS_URL: wiring.redisUrl, COLLECTOR_DATA_DIR: places.collector };
    case "aggregator":
      return { ...service, REDIS_URL: wiring.redisUrl };
    case "reporter":
      return { ...service, ...accountSettings(context, wiring, true), PROOF_DIR: places.proofs };
    case "storefront":
      return { ...service, ...accountSettings(context, wiring, true) };
    case "api":
      return {
        ...service,
        ...accountSettings(context, wiring, false),
        REDIS_URL: wiring.redisUrl,
        API_URL: localUrl(ports.api),
        COLLECTOR_URL: localUrl(ports.collector),
        STOREFRONT_URL: localUrl(ports.storefront),
        ...(wiring.hasSandbox && { SANDBOX_URL: localUrl(ports.sandbox) }),
      };
  }
}

/** The account that files with the sandbox. */
export function sandboxed({ settings: { accounts, isFiled } }: StartContext): DeclaredAccount {
  return (isFiled ? accounts.find(({ sandbox }) => sandbox) : undefined) ?? accounts[0]!;
}

/** Where the sandbox's shop calls the seller. */
function sellerUrl(context: StartContext): string {
  const { marketplace, code } = sandboxed(context);
  const base = `${localUrl(context.ports.storefront)}/${marketplace}`;
  return context.settings.isFiled ? `${base}/${encodeURIComponent(code)}` : base;
}

/** What says of which accounts a service is; with secrets, if it signs for them. */
function accountSettings(
  { settings: { accounts, isFiled }, ports }: StartContext,
  { hasSandbox, marketplaceUrl, marketplaceKey }: Wiring,
  withSecrets: boolean,
): NodeJS.ProcessEnv {
  const key = withSecrets ? marketplaceKey : undefined;
  const url = localUrl(ports.sandbox);
  // ACCOUNTS_FILE is passed on as it is.
  if (isFiled) return hasSandbox ? { SANDBOX_URL: url, SANDBOX_KEY: key } : {};
  const [{ code, marketplace, site }] = accounts as [DeclaredAccount];
  const named = { ACCOUNT: code, MARKETPLACE: marketplace, MARKETPLACE_SITE: site };
  const sandbox = hasSandbox ? marketplaceOf(marketplace).sandbox?.({ url, key }) : undefined;
  if (sandbox) return { ...named, ...sandbox.settings, ...(withSecrets && sandbox.secrets) };
  // Against another marketplace, the environment names its other secrets.
  return { ...named, MARKETPLACE_URL: marketplaceUrl, MARKETPLACE_KEY: key };
}

import { randomUUID } from "node:crypto";
import {
  clientOf,
  profileOf,
  type ClientIo,
  type MarketplaceClient,
  type MarketplaceProfile,
} from "@quarterpast/marketplace";
import type { AccessKey, Keyring } from "@quarterpast/marketplace/koogallery";

/** An account's profile and client in one, for tests that use both. */
export type OpenMarketplace = MarketplaceProfile & MarketplaceClient;

/** A KooGallery account of a test; absent fields have the marketplace's default. */
export interface OpenSettings extends Partial<ClientIo> {
  site?: string;
  /** The interconnection key, or all keys. */
  key?: string | (() => Keyring);
  push?: string;
  accessKey?: () => AccessKey | undefined;
  baseUrl?: string;
  fallbackHosts?: readonly string[];
  statementPath?: string;
}

/**
 * Creates a function that opens accounts with this registry: of the built package, or of its sources in its own
 * tests.
 */
export function openerOf(registry: { profileOf: typeof profileOf; clientOf: typeof clientOf }) {
  return (given: OpenSettings = {}): OpenMarketplace => {
    const { key = "never-asked", accessKey = () => undefined } = given;
    const keyring = typeof key === "string" ? () => ({ account: [key], products: new Map() }) : key;
    const account = {
      ...{ code: "koogallery-cn", marketplace: "koogallery", site: given.site ?? "cn" },
      settings: {
        MARKETPLACE_URL: given.baseUrl,
        MARKETPLACE_FALLBACK_HOSTS: given.fallbackHosts?.join(",") || undefined,
        MARKETPLACE_STATEMENT_PATH: given.statementPath,
        MARKETPLACE_PUSH: given.push,
      },
    };
    const { now = Date.now, nonce = randomUUID, timeouts, dispatcher } = given;
    const secrets = () => ({ keyring: keyring(), accessKey: accessKey() });
    return {
      ...registry.profileOf(account),
      ...registry.clientOf(account, secrets, { now, nonce, timeouts, dispatcher }),
    };
  };
}

/** Opens a KooGallery account with the built packages. */
export const openMarketplace = openerOf({ clientOf, profileOf });

import type { StorefrontCalls } from "@quarterpast/contract";
import type { AccountDeclaration, SettingTexts } from "./account.js";
import type { ClientIo, MarketplaceClient } from "./client.js";
import type { MarketplaceProfile } from "./profile.js";
import type { Marketplace } from "./port.js";
import type { ReadSetting } from "./readSetting.js";
import { MarketplaceSettingError } from "./settingError.js";
import type { StorefrontIo, StorefrontSide } from "./storefront.js";
import { koogallery } from "./koogallery/marketplace.js";

const marketplaces = new Map<string, Marketplace>([koogallery].map((one) => [one.name, one]));

/** Adds a marketplace from outside this package; it then serves accounts like the others. */
export function registerMarketplace(marketplace: Marketplace): void {
  marketplaces.set(marketplace.name, marketplace);
}

/** Names of the known marketplaces. */
export function marketplaceNames(): string[] {
  return [...marketplaces.keys()];
}

/**
 * The marketplace with a name.
 * @throws MarketplaceSettingError for an unknown one
 */
export function marketplaceOf(name: string): Marketplace {
  const found = marketplaces.get(name);
  if (found) return found;
  const names = marketplaceNames();
  const right = { en: `one of ${names.join(", ")}`, zh: `${names.join("、")} 之一` };
  throw new MarketplaceSettingError("MARKETPLACE", name, right);
}

/**
 * What an account's marketplace requires and promises.
 * @throws MarketplaceSettingError if the declaration is invalid
 */
export function profileOf(account: AccountDeclaration): MarketplaceProfile {
  const marketplace = marketplaceOf(account.marketplace);
  const { sites } = marketplace;
  if (sites.includes(account.site)) return marketplace.profile(account);
  const right = { en: `one of ${sites.join(", ")}`, zh: `${sites.join("、")} 之一` };
  throw new MarketplaceSettingError("MARKETPLACE_SITE", account.site, right);
}

/** The secrets of an account from their texts, or what is wrong with one of them; read again when they change. */
export function readSecrets(account: AccountDeclaration, texts: SettingTexts): ReadSetting<unknown> {
  return marketplaceOf(account.marketplace).readSecrets(account, texts);
}

/**
 * The client of an account.
 * @param secrets returns the valid ones, from {@link readSecrets}; called at each call
 * @throws MarketplaceSettingError if the declaration is invalid
 */
export function clientOf(
  account: AccountDeclaration,
  secrets: () => unknown,
  io: ClientIo,
): MarketplaceClient {
  return marketplaceOf(account.marketplace).client(account, secrets, io);
}

/**
 * The storefront's side of an account's marketplace; undefined if that sends nothing to the seller.
 * @param secrets returns the valid ones, from {@link readSecrets}; called at each call
 * @throws MarketplaceSettingError if the declaration is invalid
 */
export function storefrontOf(
  account: AccountDeclaration,
  secrets: () => unknown,
  io: StorefrontIo,
): StorefrontSide | undefined {
  return marketplaceOf(account.marketplace).storefront?.(account, secrets, io);
}

/**
 * Declares an account from settings named like environment variables.
 * @param named its site is by default the marketplace's first
 * @param texts only the marketplace's own settings are used
 * @throws MarketplaceSettingError for an unknown marketplace
 */
export function declareAccount(
  named: Pick<AccountDeclaration, "code" | "marketplace"> & { site?: string | undefined },
  texts: SettingTexts,
): AccountDeclaration {
  const { sites, settings } = marketplaceOf(named.marketplace);
  const own = settings.map((name) => [name, texts[name]] as const);
  return { ...named, site: named.site ?? sites[0], settings: Object.fromEntries(own) };
}

/** What each marketplace sends to a production address, by the marketplace's name; of those that send anything. */
export function storefrontCalls(): Record<string, StorefrontCalls> {
  return Object.fromEntries(
    [...marketplaces.values()].flatMap(({ name, storefrontCalls: calls }) => (calls ? [[name, calls]] : [])),
  );
}

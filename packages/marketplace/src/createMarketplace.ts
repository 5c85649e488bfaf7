import { createKooGallery, type KooGallerySettings } from "./koogallery/adapter.js";
import type { MarketplaceAdapter } from "./port.js";
import { MarketplaceSettingError } from "./settingError.js";

/** Settings of any marketplace, told apart by `marketplace`. */
export type MarketplaceSettings = KooGallerySettings;

const ADAPTERS: {
  [Name in MarketplaceSettings["marketplace"]]: (settings: MarketplaceSettings) => MarketplaceAdapter;
} = { koogallery: createKooGallery };

/**
 * The adapter of a marketplace.
 * @throws MarketplaceSettingError where a setting cannot be used
 */
export function createMarketplace(settings: MarketplaceSettings): MarketplaceAdapter {
  if (Object.hasOwn(ADAPTERS, settings.marketplace)) return ADAPTERS[settings.marketplace](settings);
  const names = Object.keys(ADAPTERS).join(", ");
  const right = { en: `one of ${names}`, zh: `${names} 之一` };
  throw new MarketplaceSettingError("marketplace", settings.marketplace, right);
}

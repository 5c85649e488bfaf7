import type { SettingRow } from "@quarterpast/runtime";
import type { StorefrontCalls } from "@quarterpast/contract";
import type { AccountDeclaration, SettingTexts } from "./account.js";
import type { ClientIo, MarketplaceClient } from "./client.js";
import type { MarketplaceProfile } from "./profile.js";
import type { ReadSetting } from "./readSetting.js";
import type { SelfTest } from "./selfTest.js";
import type { StorefrontIo, StorefrontSide } from "./storefront.js";

/** One marketplace, as exported by its folder. `S`: its secrets, once read. */
export interface Marketplace<S = unknown> {
  name: string;
  /** The first is the default. */
  sites: readonly [string, ...string[]];
  /** Names of its own settings, and of the secret ones. */
  settings: readonly string[];
  secrets: readonly string[];
  /** What both are for, as docs/settings.md shows it. */
  settingRows: readonly SettingRow[];
  /** @throws MarketplaceSettingError if a setting is invalid */
  profile(account: AccountDeclaration): MarketplaceProfile;
  /** Reads the secrets of an account; they may change while it runs. */
  readSecrets(account: AccountDeclaration, texts: SettingTexts): ReadSetting<S>;
  /** @throws MarketplaceSettingError if a setting is invalid */
  client(account: AccountDeclaration, secrets: () => S, io: ClientIo): MarketplaceClient;
  /**
   * What it sends to the seller, and its orders; absent if it has neither.
   * @throws MarketplaceSettingError if a setting is invalid
   */
  storefront?(account: AccountDeclaration, secrets: () => S, io: StorefrontIo): StorefrontSide;
  /** Those calls, as the storefront's document shows them; absent if it sends none. */
  storefrontCalls?: StorefrontCalls;
  /** The cases by which its console tries a production address; absent if it has none. */
  selfTest?: SelfTest;
}

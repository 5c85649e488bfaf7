import type { Micros } from "@quarterpast/domain";
import type { SettingRow } from "@quarterpast/runtime";
import type { StorefrontCalls } from "@quarterpast/contract";
import type { AccountDeclaration, SettingTexts } from "./account.js";
import type { ClientIo, MarketplaceClient } from "./client.js";
import type { MarketplaceProfile } from "./profile.js";
import type { ReadSetting } from "./readSetting.js";
import type { SelfTest } from "./selfTest.js";
import type { StorefrontIo, StorefrontSide } from "./storefront.js";

/** Where the sandbox of a marketplace is. */
export interface SandboxPlace {
  url: string;
  /** What signs calls there; undefined for a process that signs none. */
  key: string | undefined;
}

/** One marketplace, as its folder gives it. `S`: its secrets, once read. */
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
  /** By how much the day and month of a site are ahead of UTC; kept with the account, and read there by all. */
  dayOffset(account: AccountDeclaration): Micros;
  /** How an account files with the sandbox of this marketplace instead; absent if it has none. */
  sandbox?(at: SandboxPlace): { settings: SettingTexts; secrets: SettingTexts };
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

import type { Marketplace } from "../port.js";
import { kooGalleryClient, type KooGallerySecrets } from "./client.js";
import { KEY_SETTINGS, readKeyring } from "./keyring.js";
import { kooGalleryProfile } from "./profile.js";
import { ACCESS_KEY_SETTINGS, readAccessKey } from "./push.js";
import { selfTest } from "./selfTest/run.js";
import { kooGallerySettingRows } from "./settingRows.js";
import { SETTINGS, settingsOf } from "./settings.js";
import { SITES, type Site } from "./site.js";
import { CALLS } from "./storefront/calls.js";
import { kooGalleryStorefront } from "./storefront/side.js";

/** Huawei Cloud KooGallery (华为云云商店), as entered in the registry. */
export const koogallery: Marketplace<KooGallerySecrets> = {
  name: "koogallery",
  sites: Object.keys(SITES) as [Site, ...Site[]],
  settings: SETTINGS,
  settingRows: kooGallerySettingRows,
  secrets: [...KEY_SETTINGS, ...ACCESS_KEY_SETTINGS],
  profile: kooGalleryProfile,
  dayOffset: ({ site }) => SITES[site as Site].dayOffset,
  sandbox: ({ url, key }) => ({
    // It lists its records, and its shop answers what is asked about its orders.
    settings: { MARKETPLACE_URL: url, MARKETPLACE_STATEMENT_PATH: "/sandbox/sdr", ORDER_QUERY_URL: url },
    secrets: { MARKETPLACE_KEY: key, ORDER_AK: "sandbox", ORDER_SK: key },
  }),
  readSecrets(account, texts) {
    const keyring = readKeyring(texts);
    if (!keyring.ok) return keyring;
    const accessKey = readAccessKey(texts, settingsOf(account).push === "old");
    if (!accessKey.ok) return accessKey;
    return { ok: true, value: { keyring: keyring.value, accessKey: accessKey.value } };
  },
  client: kooGalleryClient,
  storefront: kooGalleryStorefront,
  storefrontCalls: CALLS,
  selfTest,
};

import {
  booleanSetting,
  integerSetting,
  readSettings,
  settingMeanings,
  urlSetting,
} from "@quarterpast/runtime";
import { z } from "zod";
import type { AccountDeclaration } from "../../account.js";
import type { StorefrontIo, StorefrontSide } from "../../storefront.js";
import type { KooGallerySecrets } from "../client.js";
import { createOrderQuery, type OrderQuery } from "../orders/orderQuery.js";
import type { Site } from "../site.js";
import { ordersBy } from "./orders.js";
import { kooGalleryWire } from "./wire.js";

const SECRET_FIELDS = { aes256: "1", aes128: "2", plain: undefined } as const;

/** What the storefront's side takes of an account's settings. */
export const sideSettings = z.object({
  SIGNATURE_WINDOW_SECONDS: integerSetting(1, 900).default(60).register(settingMeanings, {
    en: "how far the time of a call of V2.0 may be from ours, in real seconds",
    zh: "V2.0 调用时间与本地时间允许的偏差（真实秒数）",
  }),
  // V1.0 has no nonce and its calls may be made by hand in the console: a wider one.
  V1_WINDOW_SECONDS: integerSetting(1, 3_600)
    .default(300)
    .register(settingMeanings, { en: "the same for V1.0", zh: "V1.0 的同一偏差" }),
  SIGN_V2_ANSWERS: booleanSetting().default(false).register(settingMeanings, {
    en: "whether answers of V2.0 carry the header `Body-Sign` too",
    zh: "V2.0 的应答是否也带 `Body-Sign` 头",
  }),
  V1_CREDENTIALS: z.enum(["aes256", "aes128"]).default("aes256").register(settingMeanings, {
    en: "encryption of userName and password in answers of V1.0",
    zh: "V1.0 应答中用户名与密码的加密方式",
  }),
  V2_CREDENTIALS: z
    .enum(["plain", "aes256", "aes128"])
    .default("plain")
    .register(settingMeanings, { en: "the same for V2.0", zh: "V2.0 应答的同一加密方式" }),
  ORDER_QUERY_URL: urlSetting("http", "https").optional().register(settingMeanings, {
    en: "address for order lookups, instead of the site's own",
    zh: "订单查询地址，代替站点自身的地址",
  }),
});

/**
 * KooGallery's side of the storefront: signed calls of V1.0 and V2.0 (koogallery.md 3), and the order query (4), if
 * the account has AK and SK.
 * @throws SettingsError if a setting is invalid
 */
export function kooGalleryStorefront(
  { site, settings }: AccountDeclaration,
  secrets: () => KooGallerySecrets,
  io: StorefrontIo,
): StorefrontSide {
  const read = readSettings(sideSettings, settings);
  const { accessKey } = secrets();
  const query: OrderQuery | undefined =
    accessKey &&
    createOrderQuery({ ...accessKey, site: site as Site, baseUrl: read.ORDER_QUERY_URL, now: io.real });
  return {
    orders: query && ordersBy(query),
    wire: (storefront) =>
      kooGalleryWire({
        storefront,
        keys: () => secrets().keyring,
        io,
        settings: {
          windowSeconds: { v1: read.V1_WINDOW_SECONDS, v2: read.SIGNATURE_WINDOW_SECONDS },
          signV2Answers: read.SIGN_V2_ANSWERS,
          credentials: { v1: SECRET_FIELDS[read.V1_CREDENTIALS], v2: SECRET_FIELDS[read.V2_CREDENTIALS] },
        },
      }),
    close: async () => query?.close(),
  };
}

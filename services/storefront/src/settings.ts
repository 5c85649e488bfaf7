import { z } from "zod";
import {
  integerSetting,
  readSettings,
  serviceSettings,
  settingMeanings,
  SettingsError,
  textSetting,
  urlSetting,
} from "@quarterpast/runtime";

/** Settings of the process, from the environment. */
export const storefrontSettings = z.object(serviceSettings);

const HOOK_KEY = { en: "the key the hooks are signed with", zh: "回调签名密钥" };

/** What the seller says of an account's storefront, by the names of an environment. */
export const sellerSettings = z.object({
  FRONT_END_URL: urlSetting("http", "https").default("https://www.example.com/").register(settingMeanings, {
    en: "where customers use the product, unless the product or the seller's hook says otherwise",
    zh: "客户使用产品的地址；商品或商家回调另有说明时以其为准",
  }),
  SELLER_HOOK_URL: urlSetting("http", "https").optional().register(settingMeanings, {
    en: "the seller's own service, which hears of what was bought, suspended and closed",
    zh: "商家自己的服务，接收购买、冻结和关闭通知",
  }),
  SELLER_HOOK_KEY: textSetting(HOOK_KEY).optional().register(settingMeanings, {
    en: "signs the calls to it; required with `SELLER_HOOK_URL`; a secret",
    zh: "用于签署发往该服务的调用；设置 `SELLER_HOOK_URL` 时必填（机密）",
  }),
  LOW_BALANCE_PERCENT: integerSetting(0, 100).default(10).register(settingMeanings, {
    en: "a package warns when less than this many percent of it are left",
    zh: "套餐包余量低于此百分比时告警",
  }),
});

/** The seller's settings for an account's storefront. */
export interface SellerSettings {
  frontEndUrl: string;
  /** Undefined if the seller has no service. */
  hook: { url: string; key: string } | undefined;
  lowBalancePercent: number;
}

/**
 * Reads the seller's settings for an account's storefront.
 * @param env the account's own settings, in the form of an environment
 * @throws SettingsError if a setting is invalid
 */
export function readSellerSettings(env: NodeJS.ProcessEnv): SellerSettings {
  const read = readSettings(sellerSettings, env);
  const { SELLER_HOOK_URL: url, SELLER_HOOK_KEY: key } = read;
  if (url !== undefined && key === undefined)
    throw new SettingsError([{ name: "SELLER_HOOK_KEY", value: "", right: HOOK_KEY }]);
  return {
    frontEndUrl: read.FRONT_END_URL,
    hook: url === undefined ? undefined : { url, key: key! },
    lowBalancePercent: read.LOW_BALANCE_PERCENT,
  };
}

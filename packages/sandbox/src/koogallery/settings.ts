import {
  durationSetting,
  portSetting,
  readSettings,
  serviceSettings,
  setting,
  settingMeanings,
  textSetting,
  urlSetting,
} from "@quarterpast/runtime";
import { z } from "zod";
import type { SandboxOptions } from "./options.js";

const oneOf = <T extends string>(...values: T[]) =>
  setting({ en: `one of ${values.join(", ")}`, zh: `${values.join("、")} 之一` }, (text) =>
    values.find((value) => value === text),
  );

/** What the sandbox takes from the environment. */
export const sandboxSettings = z.object({
  SANDBOX_KEY: textSetting({ en: "the seller's interconnection key", zh: "商家对接密钥" }).register(
    settingMeanings,
    { en: "the seller's interconnection key; a secret", zh: "商家对接密钥（机密）" },
  ),
  SANDBOX_PORT: portSetting()
    .default(8790)
    .register(settingMeanings, { en: "0 picks a free one", zh: "0 表示任取空闲端口" }),
  SANDBOX_HOST: textSetting({ en: "an address to listen on", zh: "监听地址" })
    .default("127.0.0.1")
    .register(settingMeanings, { en: "the address to listen on", zh: "监听地址" }),
  SANDBOX_DATA_DIR: textSetting({ en: "a folder this user can write", zh: "当前用户可写的目录" })
    .default(".quarterpast/sandbox")
    .register(settingMeanings, { en: "folder of the raw store", zh: "原始存储所在目录" }),
  SANDBOX_SITE: oneOf("cn", "intl")
    .default("cn")
    .register(settingMeanings, { en: "the page's name and language", zh: "页面的名称与语言" }),
  SANDBOX_INSTANCES: oneOf("known", "any").default("any").register(settingMeanings, {
    en: "`known` refuses instances that are not registered (MKT.9001)",
    zh: "`known` 拒绝未登记的实例（MKT.9001）",
  }),
  SANDBOX_CHECKS: oneOf("sync", "background").default("sync").register(settingMeanings, {
    en: "`background` accepts bad values and voids them later (002, 003, 004, 007)",
    zh: "`background` 先接收错误的值，随后再作废（002、003、004、007）",
  }),
  SANDBOX_SKEW_LIMIT: durationSetting()
    .default(300_000)
    .register(settingMeanings, { en: "how far `ts` may be off", zh: "`ts` 允许的偏差" }),
  SANDBOX_VALIDATION_DELAY: durationSetting().default(200).register(settingMeanings, {
    en: "from acceptance to the background check, in real time",
    zh: "从接收到后台校验的间隔（真实时间）",
  }),
  SANDBOX_SELLER_URL: urlSetting("http", "https").optional().register(settingMeanings, {
    en: "the seller's production address: opens the shop and the dial tests",
    zh: "商家的生产接入地址：设置后启用商店页面与拨测",
  }),
  SANDBOX_RETRIES: oneOf("home", "saas", "licence").default("home").register(settingMeanings, {
    en: "how a purchase that did not open is asked for again: soon (`home`), or as the marketplace's guides have it, `saas` (3 hours, hourly) or `licence` (2 hours, every 2 minutes), by product time",
    zh: "未开通的购买如何重试：很快（`home`），或按云商店接入指南：`saas`（3 小时内每小时一次）、`licence`（2 小时内每 2 分钟一次），按产品时间计",
  }),
  LOG_LEVEL: serviceSettings.LOG_LEVEL,
});

/** The sandbox's options from the environment. @throws SettingsError with every invalid setting. */
export function readSandboxOptions(env: NodeJS.ProcessEnv): SandboxOptions & { dataDir: string } {
  const settings = readSettings(sandboxSettings, env);
  return {
    key: settings.SANDBOX_KEY,
    port: settings.SANDBOX_PORT,
    host: settings.SANDBOX_HOST,
    dataDir: settings.SANDBOX_DATA_DIR,
    site: settings.SANDBOX_SITE,
    instances: settings.SANDBOX_INSTANCES,
    checks: settings.SANDBOX_CHECKS,
    skewLimitMs: settings.SANDBOX_SKEW_LIMIT,
    validationDelayMs: settings.SANDBOX_VALIDATION_DELAY,
    retries: settings.SANDBOX_RETRIES,
    ...(settings.SANDBOX_SELLER_URL !== undefined && { sellerUrl: settings.SANDBOX_SELLER_URL }),
  };
}

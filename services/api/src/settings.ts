import {
  declareAccount,
  MarketplaceSettingError,
  marketplaceOf,
  profileOf,
  type AccountDeclaration,
} from "@quarterpast/marketplace";
import {
  logLevelSetting,
  portSetting,
  readTexts,
  SettingsError,
  textSetting,
  urlSetting,
} from "@quarterpast/runtime";
import { z } from "zod";

/** Settings of the api, from the environment. */
export const apiSettings = z.object({
  HOST: textSetting({ en: "an address to listen on", zh: "监听地址" }).default("127.0.0.1"),
  PORT: portSetting(),
  LOG_LEVEL: logLevelSetting().default("info"),
  DATABASE_URL: urlSetting("postgres", "postgresql"),
  REDIS_URL: urlSetting("redis", "rediss"),
  QUEUE_PREFIX: textSetting({ en: "a prefix for the queue's keys", zh: "队列键前缀" }).default("{qp0}"),
  ACCOUNT: textSetting({ en: "the code of the seller account", zh: "商家账户代码" }).default("koogallery-cn"),
  MARKETPLACE: textSetting({ en: "a marketplace", zh: "云商店" }).default("koogallery"),
  MARKETPLACE_SITE: textSetting({ en: "a site of the marketplace", zh: "云商店的站点" }).optional(),
  /** Addresses as clients reach them; told by `GET /v1/stack`. */
  COLLECTOR_URL: urlSetting("http", "https"),
  STOREFRONT_URL: urlSetting("http", "https"),
  SANDBOX_URL: urlSetting("http", "https").optional(),
  API_URL: urlSetting("http", "https"),
});

/**
 * The account that the environment declares.
 * @throws SettingsError where its marketplace, its site or a setting of the marketplace cannot be used
 */
export function declaredAccount(
  { ACCOUNT: code, MARKETPLACE: marketplace, MARKETPLACE_SITE: site }: z.output<typeof apiSettings>,
  env: NodeJS.ProcessEnv,
): AccountDeclaration {
  try {
    const texts = readTexts(marketplaceOf(marketplace).settings, env);
    const account = declareAccount({ code, marketplace, site }, texts);
    profileOf(account);
    return account;
  } catch (error) {
    throw error instanceof MarketplaceSettingError ? new SettingsError([error.problem]) : error;
  }
}

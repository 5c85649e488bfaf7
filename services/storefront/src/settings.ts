import { z } from "zod";
import {
  integerSetting,
  logLevelSetting,
  portSetting,
  readSettings,
  SettingsError,
  textSetting,
  urlSetting,
} from "@quarterpast/runtime";

/** Settings of the process, from the environment. */
export const storefrontSettings = z.object({
  HOST: textSetting({ en: "an address to listen on", zh: "监听地址" }).default("127.0.0.1"),
  PORT: portSetting(),
  LOG_LEVEL: logLevelSetting().default("info"),
  DATABASE_URL: urlSetting("postgres", "postgresql"),
});

const HOOK_KEY = { en: "the key the hooks are signed with", zh: "回调签名密钥" };

const sellerSettings = z.object({
  /** Where a customer uses the product, unless the product or the seller's hook says otherwise. */
  FRONT_END_URL: urlSetting("http", "https").default("https://www.example.com/"),
  /** The seller's own service: told of what was bought, suspended and closed. */
  SELLER_HOOK_URL: urlSetting("http", "https").optional(),
  SELLER_HOOK_KEY: textSetting(HOOK_KEY).optional(),
  /** A package warns when less than this many percent of its quota is left. */
  LOW_BALANCE_PERCENT: integerSetting(0, 100).default(10),
});

/** What the seller says of an account's storefront. */
export interface SellerSettings {
  frontEndUrl: string;
  /** Undefined if the seller has no service of its own. */
  hook: { url: string; key: string } | undefined;
  lowBalancePercent: number;
}

/**
 * Reads what the seller says of an account's storefront.
 * @param env the account's own settings, as an environment has them
 * @throws SettingsError where a setting cannot be used
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

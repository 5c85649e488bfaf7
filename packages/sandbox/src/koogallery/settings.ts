import {
  durationSetting,
  logLevelSetting,
  portSetting,
  readSettings,
  setting,
  textSetting,
  urlSetting,
} from "@quarterpast/runtime";
import { z } from "zod";
import type { SandboxOptions } from "./options.js";

const oneOf = <T extends string>(...values: T[]) =>
  setting({ en: `one of ${values.join(", ")}`, zh: `${values.join("、")} 之一` }, (text) =>
    values.find((value) => value === text),
  );

const schema = z.object({
  SANDBOX_KEY: textSetting({ en: "the seller's interconnection key", zh: "商家对接密钥" }),
  SANDBOX_PORT: portSetting().default(8790),
  SANDBOX_HOST: textSetting({ en: "an address to listen on", zh: "监听地址" }).default("127.0.0.1"),
  SANDBOX_DATA_DIR: textSetting({ en: "a folder this user can write", zh: "当前用户可写的目录" }).default(
    ".quarterpast/sandbox",
  ),
  SANDBOX_SITE: oneOf("cn", "intl").default("cn"),
  SANDBOX_INSTANCES: oneOf("known", "any").default("any"),
  SANDBOX_CHECKS: oneOf("sync", "background").default("sync"),
  SANDBOX_SKEW_LIMIT: durationSetting().default(300_000),
  SANDBOX_VALIDATION_DELAY: durationSetting().default(200),
  SANDBOX_SELLER_URL: urlSetting("http", "https").optional(),
  SANDBOX_RETRIES: oneOf("home", "saas", "licence").default("home"),
  LOG_LEVEL: logLevelSetting().default("info"),
});

/** The sandbox's options from the environment. Throws SettingsError with every setting that cannot be used. */
export function readSandboxOptions(env: NodeJS.ProcessEnv): SandboxOptions & { dataDir: string } {
  const settings = readSettings(schema, env);
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

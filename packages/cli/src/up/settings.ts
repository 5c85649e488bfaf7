import {
  logLevelSetting,
  readSettings,
  setting,
  SettingsError,
  textSetting,
  urlSetting,
} from "@quarterpast/runtime";
import { z } from "zod";
import { CliError, EXIT } from "../exit.js";

const schema = z.object({
  DATABASE_URL: urlSetting("postgres", "postgresql").optional(),
  REDIS_URL: urlSetting("redis", "rediss").optional(),
  MARKETPLACE_KEY: textSetting({ en: "the seller's interconnection key", zh: "商家对接密钥" }).optional(),
  ACCOUNT: textSetting({ en: "a name for the seller's account", zh: "商家账号名称" }).default(
    "koogallery-cn",
  ),
  MARKETPLACE_SITE: setting({ en: "cn or intl", zh: "cn 或 intl" }, (text) =>
    text === "cn" || text === "intl" ? text : undefined,
  ).default("cn"),
  LOG_LEVEL: logLevelSetting().default("info"),
});

/** What `up` takes from the environment; each also as `NAME_FILE`. */
export type UpSettings = z.output<typeof schema>;

/** Names of the settings `up` decides for its services. */
export const SETTING_NAMES = Object.keys(schema.shape);

/**
 * Reads the settings of `up`.
 * @throws CliError 78 with a line for each that cannot be used.
 */
export function readUpSettings(env: NodeJS.ProcessEnv): UpSettings {
  try {
    return readSettings(schema, env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    const text = { en: error.lines("en").join("\n"), zh: error.lines("zh").join("\n") };
    throw new CliError(EXIT.settings, text, error);
  }
}

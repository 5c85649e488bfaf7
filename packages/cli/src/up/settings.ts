import {
  logLevelSetting,
  readSettings,
  readTexts,
  setting,
  SettingsError,
  textSetting,
  urlSetting,
} from "@quarterpast/runtime";
import { PUSH_SETTINGS, PUSHES, readPush } from "@quarterpast/marketplace";
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
  MARKETPLACE_PUSH: setting({ en: `one of ${PUSHES.join(", ")}`, zh: `${PUSHES.join("、")} 之一` }, (text) =>
    PUSHES.find((push) => push === text),
  ).default("new"),
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
    throw error instanceof SettingsError ? refusalOf(error) : error;
  }
}

/**
 * Checks that the push that was chosen can be signed; against the sandbox it always can.
 * @throws CliError 78 with the setting that is missing or wrong.
 */
export function checkPush(env: NodeJS.ProcessEnv): void {
  const read = readPush(readTexts(PUSH_SETTINGS, env));
  if (!read.ok) throw refusalOf(new SettingsError([read.problem]));
}

function refusalOf(error: SettingsError): CliError {
  const text = { en: error.lines("en").join("\n"), zh: error.lines("zh").join("\n") };
  return new CliError(EXIT.settings, text, error);
}

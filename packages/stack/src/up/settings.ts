import {
  logLevelSetting,
  readSettings,
  readTexts,
  setting,
  SettingsError,
  textSetting,
  urlSetting,
} from "@quarterpast/runtime";
import {
  declareAccount,
  MarketplaceSettingError,
  marketplaceNames,
  marketplaceOf,
  profileOf,
  readSecrets,
  type AccountDeclaration,
} from "@quarterpast/marketplace";
import { z } from "zod";
import { StackError } from "../errors.js";

const oneOf = (names: readonly string[]) =>
  setting({ en: `one of ${names.join(", ")}`, zh: `${names.join("、")} 之一` }, (text) =>
    names.find((name) => name === text),
  );

const schema = z.object({
  DATABASE_URL: urlSetting("postgres", "postgresql").optional(),
  REDIS_URL: urlSetting("redis", "rediss").optional(),
  MARKETPLACE_KEY: textSetting({ en: "the seller's interconnection key", zh: "商家对接密钥" }).optional(),
  ACCOUNT: textSetting({ en: "a name for the seller's account", zh: "商家账号名称" }).default(
    "koogallery-cn",
  ),
  MARKETPLACE: oneOf(marketplaceNames()).default(marketplaceNames()[0]!),
  MARKETPLACE_SITE: textSetting({ en: "a site of the marketplace", zh: "云商店的站点" }).optional(),
  LOG_LEVEL: logLevelSetting().default("info"),
});

/** Settings of `up` from the environment; each also as `NAME_FILE`. */
export type UpSettings = z.output<typeof schema> & {
  /** The account that the stack files for. */
  account: AccountDeclaration;
};

/** Names of the settings that `up` decides for its services. */
export const SETTING_NAMES = Object.keys(schema.shape);

/**
 * Reads the settings of `up`.
 * @throws StackError `settings` with a line for each invalid one.
 */
export function readUpSettings(env: NodeJS.ProcessEnv): UpSettings {
  return refusing(() => {
    const settings = readSettings(schema, env);
    const { ACCOUNT: code, MARKETPLACE: marketplace, MARKETPLACE_SITE: site } = settings;
    const texts = readTexts(marketplaceOf(marketplace).settings, env);
    const account = declareAccount({ code, marketplace, site }, texts);
    profileOf(account);
    return { ...settings, account };
  });
}

/**
 * Checks that the account's calls can be signed; for the sandbox they always can.
 * @throws StackError `settings` with the missing or invalid setting.
 */
export function checkSecrets(account: AccountDeclaration, env: NodeJS.ProcessEnv): void {
  refusing(() => {
    const texts = readTexts(marketplaceOf(account.marketplace).secrets, env);
    const read = readSecrets(account, texts);
    if (!read.ok) throw new SettingsError([read.problem]);
  });
}

function refusing<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MarketplaceSettingError) throw refusalOf(new SettingsError([error.problem]));
    throw error instanceof SettingsError ? refusalOf(error) : error;
  }
}

function refusalOf(error: SettingsError): StackError {
  const text = { en: error.lines("en").join("\n"), zh: error.lines("zh").join("\n") };
  return new StackError("settings", text, error);
}

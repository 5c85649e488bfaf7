import {
  followSecrets,
  marketplaceOf,
  MarketplaceSettingError,
  readAccounts,
  readSecrets,
  type DeclaredAccount,
} from "@quarterpast/marketplace";
import {
  createLogger,
  logLevelSetting,
  readSettings,
  readTexts,
  SettingsError,
  settingsErrorOf,
  textSetting,
  urlSetting,
} from "@quarterpast/runtime";
import { z } from "zod";
import { StackError } from "../errors.js";

const schema = z.object({
  DATABASE_URL: urlSetting("postgres", "postgresql").optional(),
  REDIS_URL: urlSetting("redis", "rediss").optional(),
  MARKETPLACE_KEY: textSetting({ en: "the seller's interconnection key", zh: "商家对接密钥" }).optional(),
  LOG_LEVEL: logLevelSetting().default("info"),
});

/** Settings of `up` from the environment; each also as `NAME_FILE`. */
export type UpSettings = z.output<typeof schema> & {
  /** Those that the stack files for; at least one. */
  accounts: readonly DeclaredAccount[];
  /** Whether ACCOUNTS_FILE declares them, and so says where each files. */
  isFiled: boolean;
};

/** What declares one account by the environment. */
const OF_ONE_ACCOUNT = ["ACCOUNT", "MARKETPLACE", "MARKETPLACE_SITE", "MARKETPLACE_URL"];
/** Names of the settings `up` decides for its services. */
export const SETTING_NAMES = [...Object.keys(schema.shape), ...OF_ONE_ACCOUNT, "SANDBOX_URL", "SANDBOX_KEY"];

/** An account may file with the sandbox, whose address is known only once ports are. */
const ANY_SANDBOX = { SANDBOX_URL: "http://127.0.0.1", SANDBOX_KEY: "sandbox" };

/**
 * Reads the settings of `up`, and the accounts as the services read them.
 * @throws StackError `settings` with a line for each that cannot be used.
 */
export function readUpSettings(env: NodeJS.ProcessEnv): UpSettings {
  return refusing(() => {
    const settings = readSettings(schema, env);
    const accounts = readAccounts({ ...env, ...ANY_SANDBOX, SANDBOX_URL_FILE: "", SANDBOX_KEY_FILE: "" });
    return { ...settings, accounts, isFiled: Boolean(env["ACCOUNTS_FILE"]) };
  });
}

/**
 * Checks that the calls of every account can be signed; against the sandbox they always can.
 * @throws StackError `settings` with each setting that is missing or wrong.
 */
export function checkSecrets(
  { accounts, isFiled }: Pick<UpSettings, "accounts" | "isFiled">,
  env: NodeJS.ProcessEnv,
): void {
  const logger = createLogger({ service: "up", level: "silent" });
  refusing(() => {
    for (const account of accounts) {
      if (isFiled) {
        followSecrets(account, { logger }).stop();
        continue;
      }
      const read = readSecrets(account, readTexts(marketplaceOf(account.marketplace).secrets, env));
      if (!read.ok) throw new SettingsError([read.problem]);
    }
  });
}

/**
 * Has what throws for a setting throw for the stack.
 * @throws StackError `settings` with a line for each setting that cannot be used, in both languages
 */
export function refusing<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw refusalOf(error);
  }
}

/** A refusal that names settings, as the stack has it; any other error as it is. */
export function refusalOf(error: unknown): unknown {
  const wrong =
    error instanceof MarketplaceSettingError ? new SettingsError([error.problem]) : settingsErrorOf(error);
  if (!wrong) return error;
  const text = { en: wrong.lines("en").join("\n"), zh: wrong.lines("zh").join("\n") };
  return new StackError("settings", text, error);
}

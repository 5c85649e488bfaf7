import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Micros, Text } from "@quarterpast/domain";
import {
  createLogger,
  followSettings,
  readTexts,
  SettingsError,
  type Followed,
  type Logger,
  type SettingsProblem,
} from "@quarterpast/runtime";
import type { AccountDeclaration } from "../account.js";
import type { MarketplaceProfile } from "../profile.js";
import { endpointOf } from "../http/endpoint.js";
import { declareAccount, marketplaceNames, marketplaceOf, profileOf, readSecrets } from "../registry.js";
import { MarketplaceSettingError } from "../settingError.js";
import { readAccountsFile, type FiledAccount } from "./file.js";

/** An account of this process, as declared. */
export interface DeclaredAccount extends AccountDeclaration {
  /**
   * The address its records are sent to. The first start binds the code to it; all loopback addresses count as the
   * same.
   */
  address: string;
  /** By how much its marketplace's day and month are ahead of UTC, for the column of the account. */
  dayOffset: Micros;
  profile: MarketplaceProfile;
  /** Its settings and secrets in the form of an environment, from which everything else of the account is read. */
  env: NodeJS.ProcessEnv;
  /** References to variables that are not set: an error only for a process that needs the secrets. */
  unset: readonly SettingsProblem[];
  /** Variables that its secrets are read from: none of a process that needs no secrets. */
  variables: readonly string[];
  /** Whether the file has it file with the sandbox that runs beside the services (SANDBOX_URL, SANDBOX_KEY). */
  sandbox: boolean;
}

/** The code of the one account of an environment that names none. */
export const DEFAULT_CODE = "koogallery-cn";

/**
 * Reads the accounts of a process: those of ACCOUNTS_FILE, or the one declared by the environment (ACCOUNT,
 * MARKETPLACE, MARKETPLACE_SITE and its marketplace's own settings); of these, those named in ACCOUNTS, or all.
 * @throws SettingsError with all errors, each with account, field, value and what would be right
 */
export function readAccounts(env: NodeJS.ProcessEnv): DeclaredAccount[] {
  const { ACCOUNTS_FILE: path, ACCOUNTS: named } = env;
  return taken(path ? readFiled(path, env) : [ofEnvironment(env)], named || undefined);
}

/**
 * The secrets of an account, read again when their files change.
 * @throws SettingsError if they are invalid at the start
 */
export function followSecrets(account: DeclaredAccount, { logger }: { logger: Logger }): Followed<unknown> {
  const { secrets: names } = marketplaceOf(account.marketplace);
  const unset = account.unset.filter(({ name }) => names.includes(name.replace(/^secrets\./, "")));
  if (unset.length > 0) throw new SettingsError(unset.map((one) => ({ ...one, account: account.code })));
  return ofAccount(account.code, () =>
    followSettings(names, account.env, (texts) => readSecrets(account, texts), { logger }),
  );
}

/** The declared accounts, after reading their secrets once; or a line for every error, in both languages. */
export function checkAccounts(env: NodeJS.ProcessEnv): DeclaredAccount[] | { wrong: Text } {
  const logger = createLogger({ service: "accounts", level: "silent" });
  const checked = attempt(() => {
    const declared = readAccounts(env);
    for (const account of declared) followSecrets(account, { logger }).stop();
    return declared;
  });
  if ("value" in checked) return checked.value;
  const wrong = new SettingsError(checked.problems);
  return { wrong: { en: wrong.lines("en").join("\n"), zh: wrong.lines("zh").join("\n") } };
}

function ofEnvironment(env: NodeJS.ProcessEnv): DeclaredAccount {
  const named = readTexts(["ACCOUNT", "MARKETPLACE", "MARKETPLACE_SITE"], env);
  const { ACCOUNT: code = DEFAULT_CODE, MARKETPLACE: marketplace = marketplaceNames()[0]! } = named;
  return declare({ code, marketplace, site: named.MARKETPLACE_SITE }, env);
}

type Referred = Pick<DeclaredAccount, "unset" | "variables" | "sandbox">;

function declare(
  named: { code: string; marketplace: string; site: string | undefined },
  env: NodeJS.ProcessEnv,
  referred: Referred = { unset: [], variables: [], sandbox: false },
): DeclaredAccount {
  try {
    const declared = declareAccount(named, readTexts(marketplaceOf(named.marketplace).settings, env));
    const profile = profileOf(declared);
    const dayOffset = marketplaceOf(declared.marketplace).dayOffset(declared);
    return { ...declared, profile, address: addressOf(profile.hosts.primary), dayOffset, env, ...referred };
  } catch (error) {
    throw error instanceof MarketplaceSettingError ? new SettingsError([error.problem]) : error;
  }
}

/** The address of every account that files on this machine: ports differ from start to start. */
export const LOOPBACK = "loopback";

const addressOf = (host: string): string =>
  /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(host) ? LOOPBACK : host;

/**
 * The address that an account is bound to if its records go to this host or URL.
 * @throws MarketplaceSettingError with what would be right
 */
export const addressAt = (hostOrUrl: string): string => addressOf(endpointOf("address", hostOrUrl).host);

/** Whose own address it is: the marketplace and site that file there unless they are told otherwise. */
export function siteAt(address: string): { marketplace: string; site: string } | undefined {
  const all = marketplaceNames().flatMap((marketplace) =>
    marketplaceOf(marketplace).sites.map((site) => ({ marketplace, site })),
  );
  return all.find((one) => {
    const { primary, fallback } = profileOf({ ...one, code: "", settings: {} }).hosts;
    return [primary, ...fallback].includes(address);
  });
}

/** Variables that declare one account, which would be silently ignored beside a file. */
const OF_ONE_ACCOUNT = ["ACCOUNT", "MARKETPLACE", "MARKETPLACE_SITE", "MARKETPLACE_URL"];

function readFiled(path: string, env: NodeJS.ProcessEnv): DeclaredAccount[] {
  const both = OF_ONE_ACCOUNT.filter((name) => env[name] || env[`${name}_FILE`]);
  if (both.length > 0) throw new SettingsError(both.map((name) => ({ name, value: "(…)", right: NOT_BOTH })));
  const { accounts, problems } = readAccountsFile(contentOf(path));
  const declared: DeclaredAccount[] = [];
  for (const account of accounts) {
    const read = attempt(() => declareFiled(account, dirname(resolve(path)), env));
    if ("problems" in read) problems.push(...read.problems.map((one) => ({ ...one, account: account.code })));
    else declared.push(read.value);
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return declared;
}

const NOT_BOTH = {
  en: "unset, because ACCOUNTS_FILE declares the accounts",
  zh: "不设置，因为账号由 ACCOUNTS_FILE 声明",
};

function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    const right = { en: "the path of a file this user can read", zh: "当前用户可读的文件路径" };
    throw new SettingsError([{ name: "ACCOUNTS_FILE", value: path, right }]);
  }
}

/** A separate environment for the account, so that its settings follow the same rules wherever they are declared. */
function declareFiled(
  { settings, secrets, sandbox, ...named }: FiledAccount,
  folder: string,
  env: NodeJS.ProcessEnv,
): DeclaredAccount {
  const own: NodeJS.ProcessEnv = { ...(sandbox && ofSandbox(named.marketplace, env)), ...settings };
  const unset: SettingsProblem[] = [];
  for (const [name, reference] of Object.entries(secrets)) {
    if ("file" in reference) own[`${name}_FILE`] = resolve(folder, reference.file);
    else if (env[reference.env]) own[name] = env[reference.env];
    else unset.push({ name: `secrets.${name}`, value: `env ${reference.env}`, right: SET_VARIABLE });
  }
  const variables = Object.values(secrets).flatMap((one) => ("env" in one ? [one.env] : []));
  return declare(named, own, { unset, variables, sandbox });
}

/** What an account that files with the sandbox has in place of its marketplace's settings and secrets. */
function ofSandbox(marketplace: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { SANDBOX_URL: url, SANDBOX_KEY: key } = readTexts(["SANDBOX_URL", "SANDBOX_KEY"], env);
  const given = url === undefined ? undefined : marketplaceOf(marketplace).sandbox?.({ url, key });
  if (given) return { ...given.settings, ...given.secrets };
  throw new SettingsError([{ name: "sandbox", value: "true", right: NO_SANDBOX }]);
}

const NO_SANDBOX = {
  en: "left out where no sandbox of this marketplace runs: quarterpast up starts one, other starts name it by SANDBOX_URL and SANDBOX_KEY",
  zh: "没有该云商店的沙箱时不填：quarterpast up 会启动沙箱，其他启动方式用 SANDBOX_URL 和 SANDBOX_KEY 指明",
};

const SET_VARIABLE = { en: "a variable that is set and not empty", zh: "已设置且非空的环境变量" };

function taken(declared: readonly DeclaredAccount[], named: string | undefined): DeclaredAccount[] {
  if (named === undefined) return [...declared];
  const codes = named
    .split(",")
    .map((code) => code.trim())
    .filter(Boolean);
  const known = declared.map(({ code }) => code);
  const right = {
    en: `codes of declared accounts, separated by commas: ${known.join(", ")}`,
    zh: `已声明账号的代码，以逗号分隔：${known.join("、")}`,
  };
  if (codes.length === 0 || codes.some((code) => !known.includes(code)))
    throw new SettingsError([{ name: "ACCOUNTS", value: named, right }]);
  return declared.filter(({ code }) => codes.includes(code));
}

/** Adds the account's code to errors in its settings. */
function ofAccount<T>(account: string, read: () => T): T {
  const result = attempt(read);
  if ("problems" in result) throw new SettingsError(result.problems.map((one) => ({ ...one, account })));
  return result.value;
}

function attempt<T>(read: () => T): { value: T } | { problems: readonly SettingsProblem[] } {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof SettingsError) return { problems: error.problems };
    throw error;
  }
}

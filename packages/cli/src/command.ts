import { createApiClient, readAll, type ApiClient, type ItemOf } from "@quarterpast/contract";
import { InvalidArgumentError, Option, type Command } from "commander";
import { CliError, EXIT } from "./exit.js";
import { note } from "./output.js";
import { say, type Text } from "./lang.js";
import { DEFAULT_DATA_DIR, findStack, type Stack } from "@quarterpast/stack/find";

/** Options of every command that uses a running stack. */
export interface StackFlags {
  dataDir?: string;
  json?: boolean;
}

/** Adds `--data-dir` and `--json` to a command. */
export function onStack(command: Command): Command {
  return command
    .option(
      "--data-dir <dir>",
      say({
        en: `data directory of the running stack (default: ${DEFAULT_DATA_DIR}, or QUARTERPAST_API_URL and _KEY)`,
        zh: `运行中系统的数据目录（默认 ${DEFAULT_DATA_DIR}，或 QUARTERPAST_API_URL 和 _KEY）`,
      }),
    )
    .option("--json", say({ en: "print JSON", zh: "以 JSON 输出" }));
}

/** The api of the stack named by the options or the environment. */
export async function openApi(flags: Pick<StackFlags, "dataDir">): Promise<ApiClient> {
  return apiOf(await findStack(flags));
}

/** The api of a stack that was found; a failed call throws an ApiError. */
export function apiOf({ apiUrl, apiKey }: Pick<Stack, "apiUrl" | "apiKey">): ApiClient {
  // Lists are of all accounts that the key may see without it; for anything else the api says that one must be named.
  const account = process.env.QUARTERPAST_ACCOUNT || undefined;
  return createApiClient({ url: apiUrl, key: apiKey, account });
}

/**
 * The account that a command is about if it is about one: QUARTERPAST_ACCOUNT, or the only one that the key may see.
 * @throws CliError if there are several and none is named, or the one named is not among them
 */
export async function theAccount(api: ApiClient): Promise<ItemOf<"listAccounts">> {
  const named = process.env.QUARTERPAST_ACCOUNT || undefined;
  const { items } = await api.listAccounts();
  const found = items.filter(({ account }) => named === undefined || account === named);
  if (found.length === 1) return found[0]!;
  const codes = items.map(({ account }) => account);
  throw new CliError(EXIT.usage, {
    en: `this is about one account: set QUARTERPAST_ACCOUNT to one of ${codes.join(", ")}`,
    zh: `此命令针对单个账号：请将 QUARTERPAST_ACCOUNT 设为 ${codes.join("、")} 之一`,
  });
}

/** An option that must be one of some words. */
export function choice(flags: string, text: Text, words: readonly string[]): Option {
  return new Option(flags, say(text)).choices(words);
}

/** Reads an option that is a whole number; any other text ends the command as a wrong argument. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    const right = {
      en: `It must be a whole number from ${min} to ${max}.`,
      zh: `应为 ${min} 至 ${max} 的整数。`,
    };
    throw new InvalidArgumentError(say(right));
  };
}

const MOST_PER_PAGE = 1_000;

/** The query of a page of a list. */
export interface PageAsked {
  cursor: string | undefined;
  limit: number;
}

/** Reads up to `limit` items of a list and says on stderr if there are more. */
export async function readUpTo<T>(
  limit: number,
  readPage: (page: PageAsked) => Promise<{ items: T[]; next: string | null }>,
): Promise<T[]> {
  const perPage = Math.min(limit + 1, MOST_PER_PAGE);
  const items = await readAll((cursor) => readPage({ cursor, limit: perPage }), limit + 1);
  if (items.length > limit) {
    note({ en: `the first ${limit}; more with --limit`, zh: `仅显示前 ${limit} 条；更多请用 --limit` });
  }
  return items.slice(0, limit);
}

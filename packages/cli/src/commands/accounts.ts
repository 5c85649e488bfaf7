import type { ItemOf } from "@quarterpast/contract";
import { checkAccounts } from "@quarterpast/marketplace";
import type { Command } from "commander";
import { onStack, openApi, type StackFlags } from "../command.js";
import { CliError, EXIT } from "../exit.js";
import { say } from "../lang.js";
import { print, printJson, printList, type Column } from "../output.js";

type Account = ItemOf<"listAccounts">;

const COLUMNS: readonly Column<Account>[] = [
  { title: { en: "ACCOUNT", zh: "账号" }, cell: (one) => one.account },
  { title: { en: "MARKETPLACE", zh: "云商店" }, cell: (one) => one.marketplace },
  { title: { en: "SITE", zh: "站点" }, cell: (one) => one.site },
  { title: { en: "ADDRESS", zh: "地址" }, cell: (one) => one.address ?? "-" },
  { title: { en: "OWED", zh: "待上报" }, cell: (one) => String(one.owed), align: "right" },
  { title: { en: "HALTED", zh: "暂停" }, cell: (one) => one.haltedCode ?? "-" },
  { title: { en: "SINCE", zh: "自" }, cell: (one) => one.haltedSince ?? "-" },
  { title: { en: "LAST PROBE", zh: "上次探测" }, cell: (one) => one.probedAt ?? "-" },
];

/** A declared account, as `accounts check` shows it. */
interface Declared {
  account: string;
  marketplace: string;
  site: string;
  address: string;
}

const DECLARED: readonly Column<Declared>[] = [
  { title: { en: "ACCOUNT", zh: "账号" }, cell: (one) => one.account },
  { title: { en: "MARKETPLACE", zh: "云商店" }, cell: (one) => one.marketplace },
  { title: { en: "SITE", zh: "站点" }, cell: (one) => one.site },
  { title: { en: "ADDRESS", zh: "地址" }, cell: (one) => one.address },
];

const EMPTY = { en: "no accounts", zh: "没有账号" };

/** `quarterpast accounts`: the seller's accounts, as they run and as they are declared. */
export function register(program: Command): void {
  const accounts = program
    .command("accounts")
    .description(say({ en: "the seller's accounts at marketplaces", zh: "商家在各云商店的账号" }));

  onStack(accounts.command("list"))
    .description(
      say({
        en: "list the accounts: what each owes, and since when sending is halted",
        zh: "列出账号、待上报话单及暂停时间",
      }),
    )
    .action(async (flags: StackFlags) => {
      const { items } = await (await openApi(flags)).listAccounts();
      printList(items, { json: flags.json, columns: COLUMNS, empty: EMPTY });
    });

  onStack(accounts.command("move <code>"))
    .description(
      say({
        en: "bind an account to another address of the same marketplace and site; stop its reporter before, and start all with that address after",
        zh: "将账号改绑到同一云商店同一站点的另一个地址；请先停止其 reporter，之后全部以新地址启动",
      }),
    )
    .requiredOption(
      "--address <url>",
      say({ en: "where its records go from now on", zh: "话单此后的上报地址" }),
    )
    .requiredOption("--reason <text>", say({ en: "why; it is kept", zh: "原因（会留存）" }))
    .action(
      async (
        account: string,
        { address, reason, ...flags }: StackFlags & { address: string; reason: string },
      ) => {
        const moved = await (
          await openApi(flags)
        ).moveAccount({ params: { account }, body: { address, reason } });
        if (flags.json) return printJson(moved);
        print(
          say({
            en: `account ${moved.account} is bound to ${moved.address} now: start its services with that address`,
            zh: `账号 ${moved.account} 已绑定到 ${moved.address}：请以该地址启动其服务`,
          }),
        );
      },
    );

  accounts
    .command("check")
    .description(
      say({
        en: "check what ACCOUNTS_FILE, or the environment, declares; starts nothing",
        zh: "检查 ACCOUNTS_FILE 或环境变量所声明的账号；不启动任何服务",
      }),
    )
    .option(
      "--file <file>",
      say({ en: "this file in place of ACCOUNTS_FILE", zh: "以此文件代替 ACCOUNTS_FILE" }),
    )
    .option("--json", say({ en: "print JSON", zh: "以 JSON 输出" }))
    .action(({ file, json }: { file?: string; json?: boolean }) => {
      // Whether a sandbox runs is not asked: nothing is started.
      const sandbox = { SANDBOX_URL: "http://127.0.0.1", SANDBOX_KEY: "sandbox" };
      const items = declared({
        ...sandbox,
        ...process.env,
        ...(file !== undefined && { ACCOUNTS_FILE: file }),
      });
      printList(items, { json, columns: DECLARED, empty: EMPTY });
    });
}

/** The declared accounts, as they are shown. */
function declared(env: NodeJS.ProcessEnv): Declared[] {
  const checked = checkAccounts(env);
  if ("wrong" in checked) throw new CliError(EXIT.settings, checked.wrong);
  return checked.map(({ code, marketplace, site, address }) => ({
    account: code,
    marketplace,
    site,
    address,
  }));
}

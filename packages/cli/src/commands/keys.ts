import type { ItemOf } from "@quarterpast/contract";
import { KEY_ROLES, type KeyRole } from "@quarterpast/domain";
import type { Command } from "commander";
import { choice, onStack, openApi, type StackFlags } from "../command.js";
import { say } from "../lang.js";
import { note, print, printJson, printList, type Column } from "../output.js";

type Key = ItemOf<"listKeys">;

const COLUMNS: readonly Column<Key>[] = [
  { title: { en: "ID", zh: "编号" }, cell: (key) => key.id },
  { title: { en: "NAME", zh: "名称" }, cell: (key) => key.name },
  { title: { en: "ROLE", zh: "角色" }, cell: (key) => key.role },
  {
    title: { en: "LIMITED TO", zh: "限于" },
    cell: ({ sources, accounts }) => (sources ?? accounts ?? ["-"]).join(", "),
  },
  { title: { en: "CREATED", zh: "创建时间" }, cell: (key) => key.createdAt },
  { title: { en: "REVOKED", zh: "吊销时间" }, cell: (key) => key.revokedAt ?? "-" },
];

type CreateOptions = StackFlags & { role: KeyRole; source?: string[]; account?: string[] };

const oneMore = (value: string, all: string[] | undefined): string[] => [...(all ?? []), value];

/** `quarterpast keys`: keys of the api and the collector. */
export function register(program: Command): void {
  const keys = program
    .command("keys")
    .description(say({ en: "keys of the api and the collector", zh: "api 与采集器的密钥" }));

  onStack(keys.command("create <name>"))
    .description(say({ en: "make a key; its token is printed once", zh: "创建密钥；令牌只显示一次" }))
    .addOption(
      choice(
        "--role <role>",
        {
          en: "ingest: send events; operator: everything; finance, auditor: read",
          zh: "ingest：发送事件；operator：全部；finance、auditor：只读",
        },
        KEY_ROLES,
      ).makeOptionMandatory(),
    )
    .option(
      "--source <source>",
      say({
        en: "let an ingest key send for this source only, or, with * at the end, for all that begin with the rest; may be repeated",
        zh: "ingest 密钥仅限发送此来源的事件，以 * 结尾表示所有以其开头的来源；可重复",
      }),
      oneMore,
    )
    .option(
      "--account <code>",
      say({
        en: "limit any other key to this account; may be repeated",
        zh: "其他角色的密钥仅限此账户；可重复",
      }),
      oneMore,
    )
    .action(async (name: string, options: CreateOptions) => {
      const { role, source: sources, account: accounts, ...flags } = options;
      const key = await (await openApi(flags)).createKey({ body: { name, role, sources, accounts } });
      note({
        en: `key ${key.id} (${role}): keep its token now, it is not shown again`,
        zh: `密钥 ${key.id}（${role}）：请立即保存令牌，之后不再显示`,
      });
      if (flags.json) printJson(key);
      else print(key.token);
    });

  onStack(keys.command("list"))
    .description(say({ en: "list the keys, without their tokens", zh: "列出密钥（不含令牌）" }))
    .action(async (flags: StackFlags) => {
      const { items } = await (await openApi(flags)).listKeys();
      printList(items, { json: flags.json, columns: COLUMNS, empty: { en: "no keys", zh: "没有密钥" } });
    });

  onStack(keys.command("revoke <id>"))
    .description(
      say({
        en: "revoke a key: it stops working within two seconds",
        zh: "吊销密钥：两秒内处处失效",
      }),
    )
    .action(async (id: string, flags: StackFlags) => {
      await (await openApi(flags)).revokeKey({ params: { id } });
      if (flags.json) printJson({ id, revoked: true });
      else print(say({ en: `key ${id} is revoked`, zh: `密钥 ${id} 已吊销` }));
    });
}

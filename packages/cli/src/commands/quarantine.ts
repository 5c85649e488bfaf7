import type { ItemOf } from "@quarterpast/contract";
import { InvalidArgumentError, type Command } from "commander";
import { onStack, openApi, wholeNumber, type StackFlags } from "../command.js";
import { say } from "../lang.js";
import { print, printJson, printList, type Column } from "../output.js";

type Waiting = ItemOf<"listQuarantine">;

const COLUMNS: readonly Column<Waiting>[] = [
  { title: { en: "SUBJECT", zh: "主体" }, cell: (row) => row.subject },
  { title: { en: "METER", zh: "计量项" }, cell: (row) => row.meter },
  { title: { en: "ACCOUNT", zh: "账户" }, cell: (row) => row.account ?? "-" },
  { title: { en: "EVENTS", zh: "事件" }, cell: (row) => String(row.events), align: "right" },
  { title: { en: "SINCE", zh: "最早时间" }, cell: (row) => row.since },
  { title: { en: "REASON", zh: "原因代码" }, cell: (row) => row.reason },
  { title: { en: "WHY", zh: "原因" }, cell: (row) => say(row.why) },
  { title: { en: "WHAT TO DO", zh: "建议处理" }, cell: (row) => say(row.advice) },
];

type Rule = ItemOf<"listAccountRules">;

const RULE_COLUMNS: readonly Column<Rule>[] = [
  { title: { en: "RULE", zh: "规则" }, cell: ({ rule }) => String(rule), align: "right" },
  { title: { en: "SOURCE", zh: "来源" }, cell: ({ source }) => source ?? "-" },
  { title: { en: "SUBJECT", zh: "主体" }, cell: ({ subject }) => subject ?? "-" },
  { title: { en: "ACCOUNT", zh: "账户" }, cell: ({ account }) => account },
  { title: { en: "KEY", zh: "密钥" }, cell: ({ keyId }) => keyId },
  { title: { en: "SINCE", zh: "起始时间" }, cell: ({ createdAt }) => createdAt },
];

/** `quarterpast quarantine`: acknowledged events that wait for their binding. */
export function register(program: Command): void {
  const quarantine = program.command("quarantine").description(
    say({
      en: "acknowledged events that wait because they cannot be counted yet",
      zh: "暂无法计入、正在等待的已确认事件",
    }),
  );

  onStack(quarantine.command("list"))
    .description(
      say({
        en: "count them by subject, meter, account and reason",
        zh: "按主体、计量项、账户和原因统计",
      }),
    )
    .option("--limit <n>", say({ en: "at most this many rows", zh: "最多行数" }), wholeNumber(1, 1_000), 100)
    .action(async ({ limit, ...flags }: StackFlags & { limit: number }) => {
      const { items } = await (await openApi(flags)).listQuarantine({ query: { limit } });
      printList(items, {
        json: flags.json,
        columns: COLUMNS,
        empty: { en: "nothing waits", zh: "没有等待的事件" },
      });
    });
  registerWriteOff(quarantine);
  registerAssign(quarantine);
  registerRules(quarantine);
}

function registerWriteOff(quarantine: Command): void {
  onStack(quarantine.command("write-off <reason> <meter> <subject>"))
    .description(
      say({
        en: "write off the waiting events of one row of the list: kept unchanged, never counted",
        zh: "核销列表中一行的等待事件：原样保留，永不计入",
      }),
    )
    .requiredOption("--note <text>", say({ en: "the reason; it is recorded", zh: "原因（会留存）" }))
    .option(
      "--account <code>",
      say({ en: "the account of the row, if it has one", zh: "该行的账户（如有）" }),
    )
    .action(
      async (
        reason: Waiting["reason"],
        meter: string,
        subject: string,
        { note, account = null, ...flags }: StackFlags & { note: string; account?: string | null },
      ) => {
        const body = { reason, meter, subject, account, note };
        const done = await (await openApi(flags)).writeOffQuarantine({ body });
        if (flags.json) return printJson(done);
        print(say({ en: `${done.events} events are written off`, zh: `已核销 ${done.events} 个事件` }));
      },
    );
}

type AssignOptions = StackFlags & {
  account: string;
  reason?: Waiting["reason"];
  source?: string;
  subject?: string;
  meter?: string;
  always?: boolean;
};

function registerAssign(quarantine: Command): void {
  onStack(quarantine.command("assign"))
    .description(
      say({
        en: "assign waiting events to an account: those with an instance there are counted within seconds",
        zh: "指明等待事件所属的账户：该账户有对应实例的事件几秒内计入",
      }),
    )
    .requiredOption("--account <code>", say({ en: "code of the account", zh: "账户代码" }))
    .option("--reason <reason>", say({ en: "only what waits for this reason", zh: "仅限此原因代码" }))
    .option("--source <source>", say({ en: "only what this source sent", zh: "仅限此来源" }))
    .option("--subject <subject>", say({ en: "only of this customer", zh: "仅限此主体" }))
    .option("--meter <meter>", say({ en: "only of this meter", zh: "仅限此计量项" }))
    .option(
      "--always",
      say({
        en: "make it a rule for later events too, whenever several accounts have a live instance: for exactly one --source or --subject",
        zh: "设为长期规则：以后多个账户都有存活实例时按此归属；须给出 --source 或 --subject 之一",
      }),
    )
    .action(async ({ dataDir, json, ...body }: AssignOptions) => {
      const api = await openApi({ ...(dataDir !== undefined && { dataDir }) });
      const done = await api.assignQuarantine({ body });
      if (json) return printJson(done);
      print(
        say({
          en: `${done.events} waiting events are assigned to ${done.account}${done.rule ? `, and rule ${done.rule.rule} holds from now on` : ""}`,
          zh: `已将 ${done.events} 个等待事件归入 ${done.account}${done.rule ? `，规则 ${done.rule.rule} 自此生效` : ""}`,
        }),
      );
    });
}

function registerRules(quarantine: Command): void {
  const rules = quarantine.command("rules").description(
    say({
      en: "lasting rules of assign --always",
      zh: "由 assign --always 建立的长期规则",
    }),
  );
  onStack(rules.command("list"))
    .description(say({ en: "list the rules", zh: "列出规则" }))
    .action(async (flags: StackFlags) => {
      const { items } = await (await openApi(flags)).listAccountRules();
      printList(items, {
        json: flags.json,
        columns: RULE_COLUMNS,
        empty: { en: "no rules", zh: "没有规则" },
      });
    });
  onStack(rules.command("remove <rule>"))
    .description(
      say({
        en: "remove a rule; usage counted by it stays where it is",
        zh: "删除规则；已按其计入的事件保持不变",
      }),
    )
    .action(async (text: string, flags: StackFlags) => {
      if (!/^[1-9]\d{0,8}$/.test(text))
        throw new InvalidArgumentError(say({ en: "It must be the number of a rule.", zh: "应为规则编号。" }));
      const rule = Number(text);
      await (await openApi(flags)).removeAccountRule({ params: { rule: text } });
      if (flags.json) printJson({ rule, removed: true });
      else print(say({ en: `rule ${rule} is removed`, zh: `规则 ${rule} 已删除` }));
    });
}

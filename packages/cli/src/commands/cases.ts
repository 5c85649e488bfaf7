import type { AnswerOf, ApiClient, ItemOf } from "@quarterpast/contract";
import { openingAdvice } from "@quarterpast/domain";
import type { Command } from "commander";
import { choice, onStack, openApi, readUpTo, wholeNumber, type StackFlags } from "../command.js";
import { CliError, EXIT } from "../exit.js";
import { say, type Text } from "../lang.js";
import { formatFields, formatTable, print, printJson, printList, type Column } from "../output.js";

type Case = ItemOf<"listCases">;
type Entry = AnswerOf<"readCase">["history"][number];

/** What it is about, and for an opening what to do. */
function detailOf({ kind, detail }: Case): string {
  const advice = openingAdvice(kind);
  return advice ? `${detail}: ${say(advice)}` : detail;
}

const COLUMNS: readonly Column<Case>[] = [
  { title: { en: "CASE", zh: "工单" }, cell: ({ id }) => String(id), align: "right" },
  { title: { en: "KIND", zh: "类型" }, cell: ({ kind }) => kind },
  { title: { en: "ABOUT", zh: "对象" }, cell: ({ ref }) => ref },
  { title: { en: "DETAIL", zh: "说明" }, cell: detailOf },
  { title: { en: "OWNER", zh: "负责人" }, cell: ({ owner }) => owner ?? "-" },
  { title: { en: "DUE", zh: "截止时间" }, cell: ({ dueAt }) => dueAt },
  { title: { en: "RESOLUTION", zh: "处理结果" }, cell: ({ resolution }) => resolution ?? "-" },
];

const HISTORY: readonly Column<Entry>[] = [
  { title: { en: "AT", zh: "时间" }, cell: ({ at }) => at },
  { title: { en: "BY", zh: "操作者" }, cell: ({ keyId }) => keyId || "quarterpast" },
  { title: { en: "ACT", zh: "操作" }, cell: ({ act }) => act },
  { title: { en: "DETAIL", zh: "说明" }, cell: ({ detail }) => JSON.stringify(detail) },
];

type Given = Record<"reason" | "product", string> & Record<"quantity" | "begin" | "end", string | undefined>;
type Act = (
  api: ApiClient,
  params: { id: string },
  body: Given,
) => Promise<Case | AnswerOf<"askMarketplace">>;

/** Passes on all given options: the api reports which ones an act does not take, or lacks. */
const ACTS = {
  rereport: (api, params, body) => api.rereportCase({ params, body }),
  resend: (api, params, body) => api.resendCase({ params, body }),
  choose: (api, params, body) => api.chooseProduct({ params, body }),
  "write-off": (api, params, body) => api.writeOffCase({ params, body }),
  close: (api, params, body) => api.closeCase({ params, body }),
  note: (api, params, body) => api.noteOnCase({ params, body }),
  ask: (api, params) => api.askMarketplace({ params }),
} as const satisfies Record<string, Act>;

/** `quarterpast cases`: what a person has to settle, and the acts that settle it. */
export function register(program: Command): void {
  const cases = program
    .command("cases")
    .description(say({ en: "what a person has to settle", zh: "需人工处理的工单" }));
  registerList(cases);
  registerShow(cases);
  registerAssign(cases);
  registerAct(cases);
}

function registerList(cases: Command): void {
  onStack(cases.command("list"))
    .description(say({ en: "list open cases", zh: "列出未处理的工单" }))
    .option("--all", say({ en: "also resolved ones", zh: "包括已处理的" }))
    .option(
      "--kind <kind>",
      say({ en: "of this kind, e.g. record_abnormal", zh: "指定类型，例如 record_abnormal" }),
    )
    .option("--owner <name>", say({ en: "of this owner", zh: "指定负责人" }))
    .option("--limit <n>", say({ en: "at most this many", zh: "最多条数" }), wholeNumber(1, 1_000_000), 100)
    .action(
      async ({
        all,
        kind,
        owner,
        limit,
        ...flags
      }: StackFlags & { all?: boolean; kind?: string; owner?: string; limit: number }) => {
        const api = await openApi(flags);
        const items = await readUpTo(limit, (page) =>
          api.listCases({ query: { all, kind, owner, ...page } }),
        );
        printList(items, { json: flags.json, columns: COLUMNS, empty: { en: "no cases", zh: "没有工单" } });
      },
    );
}

function registerShow(cases: Command): void {
  onStack(cases.command("show <case>"))
    .description(say({ en: "show a case with its history", zh: "查看工单及其历史" }))
    .action(async (id: string, flags: StackFlags) => {
      const one = await (await openApi(flags)).readCase({ params: { id } });
      if (flags.json) return printJson(one);
      print(formatFields(COLUMNS.map(({ title, cell }) => [title, cell(one)] as const)));
      print(`\n${formatTable(HISTORY, one.history)}`);
    });
}

function registerAssign(cases: Command): void {
  onStack(cases.command("assign <case> <owner>"))
    .description(say({ en: "assign a case to a person", zh: "指派负责人" }))
    .action(async (id: string, owner: string, flags: StackFlags) => {
      const one = await (await openApi(flags)).assignCase({ params: { id }, body: { owner } });
      if (flags.json) return printJson(one);
      print(say({ en: `case ${one.id} is ${owner}'s`, zh: `工单 ${one.id} 已指派给 ${owner}` }));
    });
}

function registerAct(cases: Command): void {
  onStack(cases.command("act <case>"))
    .description(
      say({
        en: "act on a case: file its record again (rereport), send it again unchanged (resend), choose the product of an order line that lists several (choose), write it off, close it, note something, ask the marketplace",
        zh: "处理工单：重新上报（rereport）、按原样重发（resend）、为多产品订单行选定产品（choose）、核销（write-off）、关闭（close）、备注（note）、咨询云市场（ask）",
      }),
    )
    .addOption(
      choice("--do <act>", { en: "what to do", zh: "操作" }, Object.keys(ACTS)).makeOptionMandatory(),
    )
    .option("--reason <text>", say({ en: "the reason; it is recorded", zh: "原因（会留存）" }))
    .option(
      "--quantity <quantity>",
      say({ en: "for a re-report: another quantity", zh: "重新上报时的新用量" }),
    )
    .option(
      "--begin <time>",
      say({ en: "for the re-report of a void record: another interval", zh: "重新上报无效话单时的其他区间" }),
    )
    .option("--end <time>", say({ en: "and its end", zh: "及其结束" }))
    .option("--product <id>", say({ en: "for choose: the product", zh: "选定的产品 ID" }))
    .action(
      async (
        id: string,
        {
          do: act,
          reason,
          quantity,
          begin,
          end,
          product,
          ...flags
        }: StackFlags &
          Record<"reason" | "quantity" | "begin" | "end" | "product", string | undefined> & {
            do: keyof typeof ACTS;
          },
      ) => {
        if (act !== "ask" && reason === undefined) {
          throw new CliError(EXIT.usage, {
            en: "give --reason: it is recorded with the act",
            zh: "请用 --reason 说明原因（会留存）",
          });
        }
        const body = { reason: reason!, quantity, begin, end, product: product! };
        const one: Case & { text?: Text } = await ACTS[act](await openApi(flags), { id }, body);
        if (flags.json) printJson(one);
        else if (one.text) print(say(one.text));
        else print(say({ en: `case ${one.id}: ${act} is done`, zh: `工单 ${one.id}：已执行 ${act}` }));
      },
    );
}

import { readAll, type ApiClient, type ItemOf } from "@quarterpast/contract";
import { FINDING_KINDS, type FindingKind } from "@quarterpast/domain";
import type { Command } from "commander";
import { choice, onStack, openApi, readUpTo, wholeNumber, type StackFlags } from "../command.js";
import { EXIT } from "../exit.js";
import { say } from "../lang.js";
import { formatTable, note, print, printJson, printList, type Column } from "../output.js";

/** A difference with its cause, the money at stake and what to do. */
export type Finding = ItemOf<"listFindings">;

const COLUMNS: readonly Column<Finding>[] = [
  { title: { en: "ID", zh: "编号" }, cell: ({ id }) => id },
  { title: { en: "DIFFERENCE", zh: "差异" }, cell: ({ kind }) => kind },
  { title: { en: "OF", zh: "对象" }, cell: ({ key }) => key },
  { title: { en: "OURS", zh: "我方" }, cell: ({ ours }) => ours ?? "-", align: "right" },
  { title: { en: "THEIRS", zh: "对方" }, cell: ({ theirs }) => theirs ?? "-", align: "right" },
  {
    title: { en: "AT STAKE", zh: "涉及金额" },
    cell: ({ atStake, currency }) => (atStake === null ? "-" : `${atStake} ${currency ?? ""}`.trim()),
    align: "right",
  },
  { title: { en: "CAUSE", zh: "原因" }, cell: ({ cause }) => say(cause) },
  { title: { en: "WHAT TO DO", zh: "建议处理" }, cell: ({ advice }) => say(advice) },
];

const SHOWN = 50;

/**
 * `quarterpast findings`: differences between our records and the marketplace's statements, and the act that ends
 * one.
 */
export function register(program: Command): void {
  const findings = program.command("findings").description(
    say({
      en: "where we and the marketplace differ, and what is at stake",
      zh: "与云市场的差异及涉及金额",
    }),
  );
  onStack(findings.command("list"))
    .description(
      say({
        en: "list open differences; exit 3 if there are any",
        zh: "列出未解决的差异；存在差异时以 3 退出",
      }),
    )
    .option("--all", say({ en: "also resolved ones", zh: "包括已解决的" }))
    .addOption(choice("--kind <kind>", { en: "of this kind", zh: "指定类型" }, FINDING_KINDS))
    .option("--limit <n>", say({ en: "at most this many", zh: "最多条数" }), wholeNumber(1, 1_000_000), 100)
    .action(
      async ({
        all,
        kind,
        limit,
        ...flags
      }: StackFlags & { all?: boolean; kind?: FindingKind; limit: number }) => {
        const api = await openApi(flags);
        const items = await readUpTo(limit, (page) => api.listFindings({ query: { all, kind, ...page } }));
        printList(items, {
          json: flags.json,
          columns: COLUMNS,
          empty: { en: "no differences", zh: "没有差异" },
        });
        if (!all && kind !== "late" && items.length > 0) process.exitCode = EXIT.differences;
      },
    );
  onStack(findings.command("settle <finding>"))
    .description(
      say({
        en: "end a difference that was settled elsewhere; finding the same one again does not reopen it",
        zh: "结束已另行处理的差异；再次发现相同差异时不再提示",
      }),
    )
    .requiredOption("--reason <text>", say({ en: "the reason; it is recorded", zh: "原因（会留存）" }))
    .action(async (id: string, { reason, ...flags }: StackFlags & { reason: string }) => {
      const done = await (await openApi(flags)).settleFinding({ params: { id }, body: { reason } });
      if (flags.json) return printJson(done);
      print(say({ en: `difference ${id} is settled`, zh: `差异 ${id} 已结束` }));
    });
}

/** All open differences. */
export function standingFindings(api: ApiClient): Promise<Finding[]> {
  return readAll((cursor) => api.listFindings({ query: { cursor, limit: 1_000 } }));
}

/** The first of them as a table. */
export function showFindings(standing: readonly Finding[]): void {
  if (standing.length === 0) return;
  print(`\n${formatTable(COLUMNS, standing.slice(0, SHOWN))}`);
  if (standing.length > SHOWN) {
    note({ en: `the first ${SHOWN}; all with --json`, zh: `仅显示前 ${SHOWN} 条；全部请用 --json` });
  }
}

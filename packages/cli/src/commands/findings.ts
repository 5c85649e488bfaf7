import type { Command } from "commander";
import type { Api } from "../api.js";
import { choice, onStack, openApi, readUpTo, wholeNumber, type StackFlags } from "../command.js";
import { EXIT } from "../exit.js";
import { say, type Text } from "../lang.js";
import { formatTable, note, print, printJson, printList, type Column } from "../output.js";

/** A difference with its cause, the money at stake and what to do. */
export interface Finding {
  id: string;
  kind: string;
  key: string;
  ours: string | null;
  theirs: string | null;
  currency: string | null;
  atStake: string | null;
  act: string;
  cause: Text;
  advice: Text;
}

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
const KINDS = ["missing", "extra", "different", "abnormal", "late", "refunded"] as const;

/** `quarterpast findings`: where ours and the marketplace's differ, and the act that ends a difference. */
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
        en: "list the differences that stand; exit 3 where there are any",
        zh: "列出未解决的差异；存在差异时以 3 退出",
      }),
    )
    .option("--all", say({ en: "resolved ones too", zh: "包括已解决的" }))
    .addOption(choice("--kind <kind>", { en: "of this kind", zh: "指定类型" }, KINDS))
    .option("--limit <n>", say({ en: "at most so many", zh: "最多条数" }), wholeNumber(1, 1_000_000), 100)
    .action(
      async ({
        all,
        kind,
        limit,
        ...flags
      }: StackFlags & { all?: boolean; kind?: string; limit: number }) => {
        const query = { all: all ? "true" : undefined, kind };
        const items = await readUpTo<Finding>(await openApi(flags), "/v1/findings", limit, query);
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
        en: "end a difference that was settled elsewhere; the same one found again is no news",
        zh: "结束已另行处理的差异；再次发现相同差异时不再提示",
      }),
    )
    .requiredOption("--reason <text>", say({ en: "why; it is kept", zh: "原因（会留存）" }))
    .action(async (id: string, { reason, ...flags }: StackFlags & { reason: string }) => {
      const path = `/v1/findings/${encodeURIComponent(id)}/settle`;
      const done = await (await openApi(flags)).post<{ id: string }>(path, { reason });
      if (flags.json) return printJson(done);
      print(say({ en: `difference ${id} is settled`, zh: `差异 ${id} 已结束` }));
    });
}

/** All differences that stand. */
export function standingFindings(api: Api): Promise<Finding[]> {
  return api.list<Finding>("/v1/findings", { limit: 1_000 });
}

/** The first of them as a table. */
export function showFindings(standing: readonly Finding[]): void {
  if (standing.length === 0) return;
  print(`\n${formatTable(COLUMNS, standing.slice(0, SHOWN))}`);
  if (standing.length > SHOWN) {
    note({ en: `the first ${SHOWN}; all with --json`, zh: `仅显示前 ${SHOWN} 条；全部请用 --json` });
  }
}

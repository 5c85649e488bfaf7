import type { ItemOf } from "@quarterpast/contract";
import type { Command } from "commander";
import { onStack, openApi, wholeNumber, type StackFlags } from "../command.js";
import { say } from "../lang.js";
import { print, printJson, printList, type Column } from "../output.js";

type Waiting = ItemOf<"listQuarantine">;

const COLUMNS: readonly Column<Waiting>[] = [
  { title: { en: "SUBJECT", zh: "主体" }, cell: (row) => row.subject },
  { title: { en: "METER", zh: "计量项" }, cell: (row) => row.meter },
  { title: { en: "EVENTS", zh: "事件" }, cell: (row) => String(row.events), align: "right" },
  { title: { en: "SINCE", zh: "最早时间" }, cell: (row) => row.since },
  { title: { en: "REASON", zh: "原因代码" }, cell: (row) => row.reason },
  { title: { en: "WHY", zh: "原因" }, cell: (row) => say(row.why) },
  { title: { en: "WHAT TO DO", zh: "建议处理" }, cell: (row) => say(row.advice) },
];

/** `quarterpast quarantine`: acknowledged events that wait for their binding. */
export function register(program: Command): void {
  const quarantine = program.command("quarantine").description(
    say({
      en: "acknowledged events that wait because they cannot be counted as they are",
      zh: "暂无法计入、正在等待的已确认事件",
    }),
  );

  onStack(quarantine.command("list"))
    .description(say({ en: "count them by subject, meter and reason", zh: "按主体、计量项和原因统计" }))
    .option("--limit <n>", say({ en: "at most so many rows", zh: "最多行数" }), wholeNumber(1, 1_000), 100)
    .action(async ({ limit, ...flags }: StackFlags & { limit: number }) => {
      const { items } = await (await openApi(flags)).listQuarantine({ query: { limit } });
      printList(items, {
        json: flags.json,
        columns: COLUMNS,
        empty: { en: "nothing waits", zh: "没有等待的事件" },
      });
    });

  onStack(quarantine.command("write-off <reason> <meter> <subject>"))
    .description(
      say({
        en: "give the waiting events of one row of the list up: kept as they came, never counted",
        zh: "核销列表中一行的等待事件：原样保留，永不计入",
      }),
    )
    .requiredOption("--note <text>", say({ en: "why; it is kept", zh: "原因（会留存）" }))
    .action(
      async (
        reason: Waiting["reason"],
        meter: string,
        subject: string,
        { note, ...flags }: StackFlags & { note: string },
      ) => {
        const body = { reason, meter, subject, note };
        const done = await (await openApi(flags)).writeOffQuarantine({ body });
        if (flags.json) return printJson(done);
        print(say({ en: `${done.events} events are written off`, zh: `已核销 ${done.events} 个事件` }));
      },
    );
}

import type { Command } from "commander";
import { onStack, openApi, wholeNumber, type StackFlags } from "../command.js";
import { say, type Text } from "../lang.js";
import { printList, type Column } from "../output.js";

interface Waiting {
  subject: string;
  meter: string;
  events: number;
  since: string;
  why: Text;
}

const COLUMNS: readonly Column<Waiting>[] = [
  { title: { en: "SUBJECT", zh: "主体" }, cell: (row) => row.subject },
  { title: { en: "METER", zh: "计量项" }, cell: (row) => row.meter },
  { title: { en: "EVENTS", zh: "事件" }, cell: (row) => String(row.events), align: "right" },
  { title: { en: "SINCE", zh: "最早时间" }, cell: (row) => row.since },
  { title: { en: "WHY", zh: "原因" }, cell: (row) => say(row.why) },
];

/** `quarterpast quarantine`: acknowledged events that wait for their binding. */
export function register(program: Command): void {
  const quarantine = program.command("quarantine").description(
    say({
      en: "acknowledged events that wait for their meter or instance",
      zh: "等待计量项或实例的已确认事件",
    }),
  );

  onStack(quarantine.command("list"))
    .description(say({ en: "count them by subject, meter and reason", zh: "按主体、计量项和原因统计" }))
    .option("--limit <n>", say({ en: "at most so many rows", zh: "最多行数" }), wholeNumber(1, 1_000), 100)
    .action(async ({ limit, ...flags }: StackFlags & { limit: number }) => {
      const { items } = await (await openApi(flags)).get<{ items: Waiting[] }>("/v1/quarantine", { limit });
      printList(items, {
        json: flags.json,
        columns: COLUMNS,
        empty: { en: "nothing waits", zh: "没有等待的事件" },
      });
    });
}

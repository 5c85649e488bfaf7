import type { AnswerOf, ItemOf } from "@quarterpast/contract";
import type { Command } from "commander";
import { onStack, openApi, readUpTo, wholeNumber, type StackFlags } from "../command.js";
import { EXIT } from "../exit.js";
import { say } from "../lang.js";
import { formatFields, formatTable, print, printJson, type Column } from "../output.js";

type Event = ItemOf<"listRecordEvents">;
type Makeup = AnswerOf<"listRecordEvents">["record"];

const EVENTS: readonly Column<Event>[] = [
  { title: { en: "EVENT", zh: "事件" }, cell: ({ id }) => id },
  { title: { en: "SOURCE", zh: "来源" }, cell: ({ source }) => source },
  { title: { en: "TIME", zh: "时间" }, cell: ({ time }) => time },
  { title: { en: "QUANTITY", zh: "用量" }, cell: ({ quantity }) => quantity ?? "-", align: "right" },
  { title: { en: "VALUE", zh: "值" }, cell: ({ value }) => value ?? "-" },
  { title: { en: "COUNTS", zh: "计入" }, cell: ({ counts }) => counts ?? "-", align: "right" },
  { title: { en: "CORRECTS", zh: "更正" }, cell: ({ corrects }) => corrects ?? "-" },
];

/** `quarterpast records events`: from a record to the events behind it, each figure with the sum of its parts. */
export function registerEvents(records: Command): void {
  onStack(records.command("events <serial-number>"))
    .description(
      say({
        en: "show the events behind a record, and how they add up to it; exit 3 if they do not",
        zh: "查看构成话单的事件及其如何相加；不相加时以 3 退出",
      }),
    )
    .option("--limit <n>", say({ en: "at most this many", zh: "最多条数" }), wholeNumber(1, 1_000_000), 100)
    .action(async (sn: string, { limit, ...flags }: StackFlags & { limit: number }) => {
      const api = await openApi(flags);
      const params = { sn };
      const items = await readUpTo(limit, (query) => api.listRecordEvents({ params, query }));
      const { record } = await api.listRecordEvents({ params, query: { limit: 1 } });
      if (flags.json) printJson({ record, items });
      else {
        printMakeup(record);
        print(`\n${formatTable(EVENTS, items)}`);
      }
      if (!record.adds) process.exitCode = EXIT.differences;
    });
}

function printMakeup(made: Makeup): void {
  const { unit } = made;
  const counted =
    made.eventsCount === null
      ? say({ en: `by ${made.aggregation}`, zh: `按 ${made.aggregation} 汇总` })
      : `${made.eventsCount} ${unit}`;
  const yes = { en: "yes", zh: "是" };
  const no = {
    en: "NO: see quarterpast verify and rebuild",
    zh: "否：请用 quarterpast verify 与 rebuild 检查",
  };
  print(
    formatFields([
      [{ en: "record", zh: "话单" }, `${made.sn}: ${made.quantity} ${unit}`],
      ...(made.of === made.sn
        ? []
        : [[{ en: "rests on the events of", zh: "依据以下话单的事件" }, made.of] as const]),
      [{ en: "instance, hour", zh: "实例、小时" }, `${made.instanceId}, ${made.hour}`],
      [{ en: "events", zh: "事件" }, `${made.eventsFound} / ${made.events}: ${counted}`],
      [{ en: "usage of the hour", zh: "该小时用量" }, `${made.usage} ${unit}`],
      [{ en: "+ carried in", zh: "＋ 带入余量" }, made.residueIn],
      ...(made.carried === "0"
        ? []
        : [[{ en: "+ from refused records", zh: "＋ 承接被拒话单" }, made.carried] as const]),
      [{ en: "− carried out", zh: "－ 带出余量" }, made.residueOut],
      [{ en: "− not billable", zh: "－ 不可计费" }, made.unbillable],
      [
        { en: "= filed", zh: "＝ 已报" },
        say({ en: `${made.filed} in ${made.parts} records`, zh: `${made.filed}（${made.parts} 条话单）` }),
      ],
      [{ en: "adds up", zh: "相符" }, say(made.adds ? yes : no)],
    ]),
  );
}

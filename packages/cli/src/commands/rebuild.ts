import { rebuiltHour } from "@quarterpast/contract";
import type { Command } from "commander";
import type { z } from "zod";
import { openApi, onStack, type StackFlags } from "../command.js";
import { CliError, EXIT } from "../exit.js";
import { say, type Text } from "../lang.js";
import { linesOf } from "../lines.js";
import { formatFields, formatTable, note, print, printJson, type Column } from "../output.js";
import { dayOffsetOf, monthHelp, readSpan } from "../verify/span.js";

type Hour = z.output<typeof rebuiltHour>;
type Difference = Hour["differences"][number];

const PROBLEMS: Record<Difference["problem"], Text> = {
  usage: { en: "the usage differs from the events", zh: "用量与事件不符" },
  events: { en: "the number of events differs", zh: "事件数不符" },
  filed: { en: "what was filed differs from the usage", zh: "已报用量与用量不符" },
};

const COLUMNS: readonly Column<Difference & { hour: string }>[] = [
  { title: { en: "HOUR", zh: "小时" }, cell: ({ hour }) => hour },
  { title: { en: "INSTANCE", zh: "实例" }, cell: ({ instanceId }) => instanceId },
  { title: { en: "OF THE HOUR", zh: "事件所属小时" }, cell: ({ origin }) => origin ?? "-" },
  { title: { en: "WHAT DIFFERS", zh: "差异" }, cell: ({ problem }) => say(PROBLEMS[problem]) },
  { title: { en: "COMPUTED AGAIN", zh: "重新计算" }, cell: ({ rebuilt }) => rebuilt, align: "right" },
  { title: { en: "LEDGER", zh: "账本" }, cell: ({ stands }) => stands, align: "right" },
];

const SHOWN = 50;

/** `quarterpast rebuild`: computes sealed hours again from their events and compares them with what was filed. */
export function register(program: Command): void {
  onStack(program.command("rebuild"))
    .summary(say({ en: "compute sealed hours again and compare", zh: "重新计算已封账小时并比较" }))
    .description(
      say({
        en: "Compute sealed hours again from their events, and compare them with what was filed; nothing is changed. It needs no manifest: verify also proves what was signed. Exit 3 if anything differs.",
        zh: "由事件重新计算已封账的小时，并与已上报的内容比较；不作任何更改。无需清单；verify 还会核验签名。存在差异时以 3 退出。",
      }),
    )
    .option("--hour <time>", say({ en: "this hour", zh: "指定小时" }))
    .option("--month <yyyy-mm>", monthHelp())
    .action(async (flags: StackFlags & { hour?: string; month?: string }) => {
      const api = await openApi(flags);
      const span = await readSpan(flags, dayOffsetOf(api));
      if (!span)
        throw new CliError(EXIT.usage, { en: "give --hour or --month", zh: "请给出 --hour 或 --month" });
      const hours: Hour[] = [];
      const query = { from: span.from, to: span.to };
      const chunks = await api.rebuildHours({ query });
      for await (const lines of linesOf(chunks))
        for (const line of lines) if (line !== "") hours.push(rebuiltHour.parse(JSON.parse(line)));
      if (flags.json) printJson(summary(hours));
      else tell(hours);
      if (hours.some(({ differences }) => differences.length > 0)) process.exitCode = EXIT.differences;
      else if (hours.length === 0) process.exitCode = EXIT.failed;
    });
}

function summary(hours: readonly Hour[]) {
  const total = (count: (hour: Hour) => number) => hours.reduce((sum, hour) => sum + count(hour), 0);
  return {
    hours: hours.length,
    instances: total(({ instances }) => instances),
    events: total(({ events }) => events),
    records: total(({ records }) => records),
    differences: hours.flatMap(({ hour, differences }) => differences.map((one) => ({ hour, ...one }))),
  };
}

function tell(hours: readonly Hour[]): void {
  const { differences, ...counts } = summary(hours);
  print(
    formatFields([
      [{ en: "hours", zh: "小时" }, String(counts.hours)],
      [{ en: "records", zh: "话单" }, String(counts.records)],
      [{ en: "events", zh: "事件" }, String(counts.events)],
      [{ en: "differences", zh: "差异" }, String(differences.length)],
    ]),
  );
  if (hours.length === 0)
    note({ en: "no hour there is sealed: nothing was computed", zh: "该范围内没有已封账的小时：未作计算" });
  if (differences.length === 0) return;
  print(`\n${formatTable(COLUMNS, differences.slice(0, SHOWN))}`);
  if (differences.length > SHOWN)
    note({ en: `the first ${SHOWN}; all with --json`, zh: `仅显示前 ${SHOWN} 条；全部请用 --json` });
}

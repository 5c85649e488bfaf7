import type { ItemOf } from "@quarterpast/contract";
import type { Command } from "commander";
import { onStack, openApi, wholeNumber, type StackFlags } from "../command.js";
import { say, type Text } from "../lang.js";
import { formatSpan, printList, type Column } from "../output.js";

type Hour = ItemOf<"listHours">;

const STATUS: Record<Hour["status"], Text> = {
  open: { en: "open", zh: "未封账" },
  complete: { en: "complete", zh: "完整" },
  nothing: { en: "complete, no usage", zh: "完整，无用量" },
  incomplete: { en: "incomplete", zh: "不完整" },
};

/** States in which a record is still owed. */
const OWED = ["frozen", "sent", "unknown"];

function isDone({ status, events, records, states }: Hour): boolean {
  if (status === "open") return false;
  return OWED.every((state) => !states[state]) && (records > 0 || events === 0);
}

/** The countdown to the end of the window, in product time. */
function countdown(hour: Hour, now: number): string {
  if (isDone(hour)) return say({ en: "done", zh: "已完成" });
  const leftMs = Date.parse(hour.windowEnds) - now;
  const span = formatSpan(Math.abs(leftMs) / 1000);
  return leftMs >= 0
    ? say({ en: `closes in ${span}`, zh: `还剩 ${span}` })
    : say({ en: `late by ${span}`, zh: `已超时 ${span}` });
}

const statesOf = ({ states }: Hour) =>
  Object.entries(states)
    .map(([state, count]) => `${state} ${count}`)
    .sort()
    .join(", ");

const statusOf = ({ status, reason }: Hour) => say(STATUS[status]) + (reason === "" ? "" : ` (${reason})`);

const columns = (now: number): readonly Column<Hour>[] => [
  { title: { en: "HOUR", zh: "小时" }, cell: ({ hour }) => hour },
  { title: { en: "STATUS", zh: "状态" }, cell: statusOf },
  { title: { en: "WINDOW", zh: "上报窗口" }, cell: (hour) => countdown(hour, now) },
  { title: { en: "EVENTS", zh: "事件" }, cell: ({ events }) => String(events), align: "right" },
  { title: { en: "RECORDS", zh: "话单" }, cell: ({ records }) => String(records), align: "right" },
  { title: { en: "BY STATE", zh: "话单状态" }, cell: statesOf },
];

/** `quarterpast hours`: the hours and their progress. */
export function register(program: Command): void {
  const hours = program
    .command("hours")
    .description(say({ en: "the hours and their progress", zh: "各小时的进度" }));

  onStack(hours.command("list"))
    .description(
      say({
        en: "list hours, the newest first, with the countdown to the end of their window",
        zh: "列出各小时（最新在前）及上报窗口倒计时",
      }),
    )
    .option("--limit <n>", say({ en: "at most this many", zh: "最多条数" }), wholeNumber(1, 500), 24)
    .option("--before <time>", say({ en: "only hours before this time", zh: "仅此时间之前的小时" }))
    .action(async ({ limit, before, ...flags }: StackFlags & { limit: number; before?: string }) => {
      const api = await openApi(flags);
      const { now, items } = await api.listHours({ query: { limit, before } });
      const empty = { en: "no hours with usage yet", zh: "尚无有用量的小时" };
      printList(items, { json: flags.json, columns: columns(Date.parse(now)), empty });
    });
}

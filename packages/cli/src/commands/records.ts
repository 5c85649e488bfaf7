import type { AnswerOf, ItemOf } from "@quarterpast/contract";
import type { Command } from "commander";
import { onStack, openApi, readUpTo, wholeNumber, type StackFlags } from "../command.js";
import { say } from "../lang.js";
import { formatFields, formatTable, print, printJson, printList, type Column } from "../output.js";
import { registerEvents } from "./recordEvents.js";

type RecordRow = ItemOf<"listRecords">;
type RecordDetail = AnswerOf<"readRecord">;
type Attempt = RecordDetail["attemptsMade"][number];
/** A request to file the record again, and its outcome. */
type Wish = RecordDetail["rereports"][number];

const stateOf = ({ state, code }: RecordRow) => (code === null ? state : `${state} (${code})`);

const COLUMNS: readonly Column<RecordRow>[] = [
  { title: { en: "SERIAL NUMBER", zh: "序列号" }, cell: (record) => record.sn },
  { title: { en: "INSTANCE", zh: "实例" }, cell: (record) => record.instanceId },
  { title: { en: "BEGIN", zh: "开始" }, cell: (record) => record.begin },
  { title: { en: "END", zh: "结束" }, cell: (record) => record.end },
  { title: { en: "QUANTITY", zh: "用量" }, cell: (record) => record.quantity, align: "right" },
  { title: { en: "UNIT", zh: "单位" }, cell: (record) => record.unit },
  { title: { en: "STATE", zh: "状态" }, cell: stateOf },
];

const ATTEMPTS: readonly Column<Attempt>[] = [
  { title: { en: "SENT AT", zh: "发送时间" }, cell: ({ at }) => at },
  { title: { en: "HOST", zh: "主机" }, cell: ({ host }) => host ?? "-" },
  { title: { en: "RESULT", zh: "结果" }, cell: ({ result }) => result ?? "-" },
  { title: { en: "CODE", zh: "代码" }, cell: ({ code }) => code ?? "-" },
];

const OUTCOMES: readonly Column<RecordDetail["outcomes"][number]>[] = [
  { title: { en: "DECIDED AT", zh: "判定时间" }, cell: ({ at }) => at },
  { title: { en: "STATE", zh: "状态" }, cell: ({ state }) => state },
  { title: { en: "CODE", zh: "代码" }, cell: ({ code }) => code ?? "-" },
  { title: { en: "BY", zh: "依据" }, cell: ({ source }) => source },
  { title: { en: "DETAIL", zh: "说明" }, cell: ({ detail }) => detail },
];

const WISHES: readonly Column<Wish>[] = [
  { title: { en: "RE-REPORT ASKED AT", zh: "要求重报时间" }, cell: ({ askedAt }) => askedAt },
  { title: { en: "QUANTITY", zh: "用量" }, cell: ({ quantity }) => quantity ?? "-", align: "right" },
  {
    title: { en: "INTERVAL", zh: "区间" },
    cell: ({ begin, end }) => (begin === null ? "-" : `${begin} ${end}`),
  },
  { title: { en: "REASON", zh: "原因" }, cell: ({ reason }) => reason },
  {
    title: { en: "CAME TO", zh: "结果" },
    cell: ({ newSn, refused, doneAt }) =>
      newSn ?? refused ?? (doneAt === null ? say({ en: "waits", zh: "等待中" }) : "-"),
  },
];

/** `quarterpast records`: bill records and their outcomes. */
export function register(program: Command): void {
  const records = program
    .command("records")
    .description(say({ en: "bill records and their outcomes", zh: "话单及其结果" }));
  registerList(records);
  registerShow(records);
  registerRereport(records);
  registerEvents(records);
}

interface ListFlags extends StackFlags {
  hour?: string;
  instance?: string;
  state?: RecordRow["state"];
  limit: number;
}

function registerList(records: Command): void {
  onStack(records.command("list"))
    .description(say({ en: "list records", zh: "列出话单" }))
    .option("--hour <time>", say({ en: "of this hour", zh: "指定小时" }))
    .option("--instance <id>", say({ en: "of this instance", zh: "指定实例" }))
    .option(
      "--state <state>",
      say({
        en: "in this state: accepted, unknown, abnormal, billed …",
        zh: "指定状态：accepted、unknown、abnormal、billed 等",
      }),
    )
    .option("--limit <n>", say({ en: "at most this many", zh: "最多条数" }), wholeNumber(1, 1_000_000), 100)
    .action(async ({ hour, instance, state, limit, ...flags }: ListFlags) => {
      const api = await openApi(flags);
      const asked = { hour, instance, state };
      const items = await readUpTo(limit, (page) => api.listRecords({ query: { ...asked, ...page } }));
      printList(items, {
        json: flags.json,
        columns: COLUMNS,
        empty: { en: "no such records", zh: "没有符合条件的话单" },
      });
    });
}

function registerShow(records: Command): void {
  onStack(records.command("show <serial-number>"))
    .description(
      say({
        en: "show one record: its bytes, its submissions, its outcomes",
        zh: "查看一条话单：规范字节、发送与结果",
      }),
    )
    .action(async (sn: string, flags: StackFlags) => {
      const record = await (await openApi(flags)).readRecord({ params: { sn } });
      if (flags.json) printJson(record);
      else printDetail(record);
    });
}

function printDetail(record: RecordDetail): void {
  print(
    formatFields([
      ...COLUMNS.map(({ title, cell }) => [title, cell(record)] as const),
      [{ en: "PRODUCT", zh: "产品" }, record.product],
      [{ en: "METER", zh: "计量项" }, record.meter],
      [{ en: "SUBJECT", zh: "主体" }, record.subject],
      [{ en: "HOUR", zh: "小时" }, record.hour],
      [{ en: "KIND, PART", zh: "类型、分段" }, `${record.kind}, ${record.part}`],
      [{ en: "EVENTS", zh: "事件" }, String(record.events)],
      [{ en: "WINDOW ENDS", zh: "窗口关闭" }, record.windowEnds],
      [{ en: "REPLACES", zh: "替代" }, record.replaces ?? "-"],
      [{ en: "CHECKSUM", zh: "校验和" }, record.checksum],
      [{ en: "CANONICAL", zh: "规范字节" }, record.canonical],
    ]),
  );
  if (record.attemptsMade.length > 0) print(`\n${formatTable(ATTEMPTS, record.attemptsMade)}`);
  if (record.outcomes.length > 0) print(`\n${formatTable(OUTCOMES, record.outcomes)}`);
  if (record.rereports.length > 0) print(`\n${formatTable(WISHES, record.rereports)}`);
}

interface RereportFlags extends StackFlags {
  reason: string;
  quantity?: string;
  begin?: string;
  end?: string;
}

function registerRereport(records: Command): void {
  onStack(records.command("rereport <serial-number>"))
    .description(
      say({
        en: "file a refused or void record again under a new serial number, in the same interval so that nothing can be billed twice; in another (--begin, --end) only what the marketplace showed to be void",
        zh: "以新的序列号重新上报被拒或无效的话单：默认使用相同区间，以免重复计费；仅当云市场已判定无效时可改用其他区间（--begin、--end）",
      }),
    )
    .requiredOption("--reason <text>", say({ en: "the reason; it is recorded", zh: "原因（会留存）" }))
    .option(
      "--quantity <quantity>",
      say({ en: "another quantity (default: the same)", zh: "新的用量（默认不变）" }),
    )
    .option("--begin <time>", say({ en: "begin of another interval", zh: "其他区间的开始" }))
    .option("--end <time>", say({ en: "end of another interval", zh: "其他区间的结束" }))
    .action(async (sn: string, { reason, quantity, begin, end, ...flags }: RereportFlags) => {
      const api = await openApi(flags);
      const body = { reason, quantity, begin, end };
      const asked = await api.rereportRecord({ params: { sn }, body });
      if (flags.json) return printJson(asked);
      print(
        say({
          en: `record ${sn} will be filed again with ${asked.quantity}: see quarterpast records show ${sn}`,
          zh: `话单 ${sn} 将以用量 ${asked.quantity} 重新上报：请用 quarterpast records show ${sn} 查看`,
        }),
      );
    });
}

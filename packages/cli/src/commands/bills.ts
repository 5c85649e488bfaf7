import type { ItemOf } from "@quarterpast/contract";
import type { Command } from "commander";
import { onStack, openApi, readUpTo, wholeNumber, type StackFlags } from "../command.js";
import { say } from "../lang.js";
import { formatTable, print, printJson, printList, type Column } from "../output.js";

type Bill = ItemOf<"listBills">;
type Line = ItemOf<"listBillLines">;
type LineRecord = ItemOf<"listLineRecords">;
type Credit = ItemOf<"listCredits">;

const yes = (is: boolean) => (is ? say({ en: "yes", zh: "是" }) : say({ en: "no", zh: "否" }));

const BILLS: readonly Column<Bill>[] = [
  { title: { en: "BILL", zh: "账单" }, cell: ({ bill }) => String(bill), align: "right" },
  { title: { en: "FILE", zh: "文件" }, cell: ({ source }) => source },
  { title: { en: "COVERS FROM", zh: "覆盖自" }, cell: ({ from }) => from ?? "-" },
  { title: { en: "TO", zh: "至" }, cell: ({ to }) => to ?? "-" },
  { title: { en: "COMPLETE", zh: "完整" }, cell: ({ complete }) => yes(complete) },
  { title: { en: "IN A WIDER ONE", zh: "已被涵盖" }, cell: ({ superseded }) => yes(superseded) },
  { title: { en: "LINES", zh: "行数" }, cell: ({ lines }) => String(lines), align: "right" },
  {
    title: { en: "AMOUNT", zh: "金额" },
    cell: ({ amounts }) =>
      Object.entries(amounts)
        .map(([currency, amount]) => `${amount} ${currency}`)
        .join(", "),
    align: "right",
  },
];

const LINES: readonly Column<Line>[] = [
  { title: { en: "LINE", zh: "行" }, cell: ({ line }) => String(line), align: "right" },
  { title: { en: "MONTH", zh: "用量月份" }, cell: ({ usageMonth }) => usageMonth },
  {
    title: { en: "OF", zh: "对象" },
    cell: ({ sn, instanceId, product, orderId }) => sn ?? instanceId ?? product ?? orderId ?? "-",
  },
  { title: { en: "AMOUNT", zh: "金额" }, cell: ({ amount }) => amount, align: "right" },
  { title: { en: "WE EXPECT", zh: "我方预期" }, cell: ({ expected }) => expected ?? "-", align: "right" },
  { title: { en: "CURRENCY", zh: "货币" }, cell: ({ currency }) => currency },
  { title: { en: "QUANTITY", zh: "用量" }, cell: ({ quantity }) => quantity ?? "-", align: "right" },
  {
    title: { en: "OF OUR RECORDS", zh: "我方话单用量" },
    cell: ({ recordsQuantity }) => recordsQuantity ?? "-",
    align: "right",
  },
  { title: { en: "RECORDS", zh: "话单数" }, cell: ({ records }) => String(records), align: "right" },
];

const RECORDS: readonly Column<LineRecord>[] = [
  { title: { en: "SERIAL NUMBER", zh: "序列号" }, cell: ({ sn }) => sn },
  { title: { en: "INSTANCE", zh: "实例" }, cell: ({ instanceId }) => instanceId },
  { title: { en: "BEGIN", zh: "开始" }, cell: ({ begin }) => begin },
  { title: { en: "END", zh: "结束" }, cell: ({ end }) => end },
  { title: { en: "STATE", zh: "状态" }, cell: ({ state }) => state },
  { title: { en: "QUANTITY", zh: "用量" }, cell: ({ quantity }) => quantity, align: "right" },
  { title: { en: "WE EXPECT", zh: "我方预期" }, cell: ({ amount }) => amount ?? "-", align: "right" },
  { title: { en: "CURRENCY", zh: "货币" }, cell: ({ currency }) => currency ?? "-" },
];

const CREDITS: readonly Column<Credit>[] = [
  { title: { en: "INSTANCE", zh: "实例" }, cell: ({ instanceId }) => instanceId },
  { title: { en: "SUBJECT", zh: "主体" }, cell: ({ subject }) => subject },
  { title: { en: "METER", zh: "计量项" }, cell: ({ meter }) => meter },
  { title: { en: "SINCE", zh: "自" }, cell: ({ since }) => since },
  {
    title: { en: "QUANTITY", zh: "用量" },
    cell: ({ quantity, unit }) => `${quantity} ${unit}`,
    align: "right",
  },
  {
    title: { en: "WORTH", zh: "折合金额" },
    cell: ({ amount, currency }) => (amount === null ? "-" : `${amount} ${currency ?? ""}`.trim()),
    align: "right",
  },
  {
    title: { en: "HANDLING", zh: "处理方式" },
    cell: ({ refundDue }) =>
      refundDue
        ? say({ en: "to be refunded: its instance is closed", zh: "应退款：实例已关闭" })
        : say({ en: "credited against later usage", zh: "抵扣后续用量" }),
  },
];

const limitOf = (command: Command) =>
  command.option(
    "--limit <n>",
    say({ en: "at most this many", zh: "最多条数" }),
    wholeNumber(1, 1_000_000),
    100,
  );

/**
 * `quarterpast bills`, `quarterpast credits`: from a bill's line to the records behind it, and what we owe customers.
 */
export function register(program: Command): void {
  const bills = program.command("bills").description(
    say({
      en: "imported bills, and the records behind each line (continue with records events)",
      zh: "已导入的账单及构成各行的话单（再用 records events 查看事件）",
    }),
  );
  limitOf(onStack(bills.command("list")))
    .description(say({ en: "list the bills that were imported", zh: "列出已导入的账单" }))
    .action(async ({ limit, ...flags }: StackFlags & { limit: number }) => {
      const api = await openApi(flags);
      const items = await readUpTo(limit, (query) => api.listBills({ query }));
      const empty = {
        en: "no bills yet: quarterpast reconcile FILE",
        zh: "尚无账单：请用 quarterpast reconcile 文件",
      };
      printList(items, { json: flags.json, columns: BILLS, empty });
    });
  limitOf(onStack(bills.command("lines <bill>")))
    .description(
      say({
        en: "list the lines of a bill, each with the sum of our records",
        zh: "列出账单各行及我方话单合计",
      }),
    )
    .action(async (bill: string, { limit, ...flags }: StackFlags & { limit: number }) => {
      const api = await openApi(flags);
      const items = await readUpTo(limit, (query) => api.listBillLines({ params: { bill }, query }));
      printList(items, { json: flags.json, columns: LINES, empty: { en: "no lines", zh: "没有行" } });
    });
  limitOf(onStack(bills.command("records <bill> <line>")))
    .description(say({ en: "list the records behind a line of a bill", zh: "列出构成账单某一行的话单" }))
    .action(async (bill: string, line: string, { limit, ...flags }: StackFlags & { limit: number }) => {
      const api = await openApi(flags);
      const params = { bill, line };
      const items = await readUpTo(limit, (query) => api.listLineRecords({ params, query }));
      const { line: of } = await api.listLineRecords({ params, query: { limit: 1 } });
      if (flags.json) return printJson({ line: of, items });
      print(formatTable(LINES, [of]));
      print(`\n${formatTable(RECORDS, items)}`);
    });
  registerCredits(program);
}

function registerCredits(program: Command): void {
  const credits = program
    .command("credits")
    .description(say({ en: "instances that were billed more than they used", zh: "多计费用的实例" }));
  limitOf(onStack(credits.command("list")))
    .description(
      say({
        en: "list what is credited against later usage, or to be refunded",
        zh: "列出将抵扣后续用量或应退款的余额",
      }),
    )
    .option("--due", say({ en: "only what is to be refunded", zh: "仅应退款的" }))
    .action(async ({ due, limit, ...flags }: StackFlags & { due?: boolean; limit: number }) => {
      const api = await openApi(flags);
      const items = await readUpTo(limit, (page) => api.listCredits({ query: { due, ...page } }));
      printList(items, { json: flags.json, columns: CREDITS, empty: { en: "no credits", zh: "没有余额" } });
    });
}

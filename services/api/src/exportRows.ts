import type { Text } from "@quarterpast/domain";
import type { ExportRow } from "@quarterpast/store";
import { stringify } from "csv-stringify/sync";
import { iso } from "./present.js";

interface Column {
  name: string;
  title: Text;
  cell: (row: ExportRow) => string;
}

const column = (name: string, en: string, zh: string, cell: Column["cell"]): Column => ({
  name,
  title: { en, zh },
  cell,
});

const COLUMNS: readonly Column[] = [
  column("sn", "Serial number", "序列号", (row) => row.sn),
  column("account", "Account", "账户", (row) => row.account),
  column("product", "Product", "产品", (row) => row.product),
  column("instanceId", "Instance", "实例", (row) => row.instanceId),
  column("subject", "Subject", "主体", (row) => row.subject),
  column("meter", "Meter", "计量项", (row) => row.meter),
  column("unit", "Unit", "单位", (row) => row.unit),
  column("kind", "Kind", "类型", (row) => row.kind),
  column("part", "Part", "分段", (row) => row.part),
  column("hour", "Hour", "小时", (row) => iso(row.hour)),
  column("begin", "Begin", "开始", (row) => iso(row.begin)),
  column("end", "End", "结束", (row) => iso(row.end)),
  column("quantity", "Quantity", "用量", (row) => row.quantity),
  column("events", "Events", "事件数", (row) => String(row.events)),
  column("state", "State", "状态", (row) => row.state),
  column("code", "Code", "代码", (row) => row.code ?? ""),
  column("replaces", "Replaces", "替代", (row) => row.replaces ?? ""),
  column("shard", "Shard", "分片", (row) => String(row.shard)),
  column("seq", "Sequence", "序号", (row) => String(row.seq)),
  column("checksum", "Checksum", "校验和", (row) => row.checksum),
];

/** UTF-8's mark: without it spreadsheet programs read Chinese as the local code page. */
const BOM = "\uFEFF";

/**
 * Rows as CSV lines (RFC 4180 but for the line end, which is a line feed), the header first. What a spreadsheet program
 * would take for a formula gets an apostrophe before it.
 */
export async function* csvLines(
  rows: AsyncGenerator<ExportRow[]>,
  language: keyof Text,
): AsyncGenerator<string[]> {
  yield [BOM + csvText([COLUMNS.map(({ title }) => title[language])])];
  for await (const some of rows) {
    if (some.length > 0) yield [csvText(some.map((row) => COLUMNS.map(({ cell }) => cell(row))))];
  }
}

/** Without the last line end. */
function csvText(table: string[][]): string {
  return stringify(table, { escape_formulas: true, record_delimiter: "\n" }).slice(0, -1);
}

/** Rows as JSON lines; quantities are decimal texts. */
export async function* jsonLines(rows: AsyncGenerator<ExportRow[]>): AsyncGenerator<string[]> {
  for await (const some of rows) {
    yield some.map((row) =>
      JSON.stringify(Object.fromEntries(COLUMNS.map(({ name, cell }) => [name, cell(row)]))),
    );
  }
}

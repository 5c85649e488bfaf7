import { z } from "zod";
import * as asked from "../asked.js";
import { byName, count, field, listOf, nullable, optional, text, time, word, yesNo } from "../field.js";
import { parseFlatJson, plainText, readBy, wholeNumber } from "../forms.js";
import { OPERATOR, READERS, route } from "../route.js";
import { wholeListOf } from "../words.js";

/** What a file lists: bill records, or the money that was charged for them. */
export const IMPORT_KINDS = ["sdr", "bill"] as const;

const problem = z.strictObject({
  line: nullable(count("Line", "行")),
  column: nullable(text("Column", "列")),
  en: text("English", "英文"),
  zh: text("Chinese", "中文"),
});
const read = {
  kind: word("Kind", "文件类型", IMPORT_KINDS),
  complete: yesNo("Whole", "完整"),
  unreadable: count("Lines that cannot be read", "无法读取的行数"),
  problems: listOf("The first problems", "前若干处问题", problem),
};
const found = {
  statementId: count("Statement", "对账单编号"),
  lines: count("Lines", "行数"),
  missing: count("Missing there", "对方缺失"),
  extra: count("Extra there", "对方多出"),
  different: count("Different", "不一致"),
  late: count("Late", "延迟"),
};
/** What a list of records settled, and what differs. */
const taken = z.strictObject({
  ...read,
  ...found,
  kind: field({ title: { en: "Kind", zh: "文件类型" } }, z.literal("sdr")),
  billed: count("Newly billed", "新确认计费"),
  abnormal: count("Newly abnormal", "新增异常"),
  delivered: count("Present, so accepted", "确认已接收"),
  again: count("Absent, so sent again", "未收到并重发"),
});
const takenBill = z.strictObject({
  ...read,
  ...found,
  kind: field({ title: { en: "Kind", zh: "文件类型" } }, z.literal("bill")),
  agreed: count("Agreed", "一致"),
  refunded: count("Refunded", "退款"),
});
const preview = z.strictObject({
  ...read,
  sheet: text("Sheet", "工作表"),
  rows: count("Rows", "行数"),
  columns: listOf(
    "Columns",
    "列",
    z.strictObject({
      header: text("Header", "表头"),
      cell: text("Cell", "单元格"),
      field: nullable(text("Read as", "识别为")),
    }),
  ),
  missing: listOf("Fields without a column", "缺少的字段", z.string()),
  first: listOf("The first lines", "前若干行", z.record(z.string(), z.unknown())),
  covers: nullable(
    field(
      { title: { en: "Covers", zh: "覆盖期间" } },
      z.strictObject({ from: time("From", "自"), to: time("To", "至") }),
    ),
  ),
});

const profileName = (en: string, zh: string) =>
  optional(
    field(
      {
        title: { en, zh },
        right: { en: "1 to 64 letters, digits, . _ or -", zh: " 1 至 64 个字母、数字、. _ 或 -" },
      },
      z.string().regex(/^[\p{L}\p{N}._-]{1,64}$/u),
    ),
  );
const columnsSchema = z.record(plainText(32), plainText(200));
const minutesOf = (zone: string): number => {
  if (zone === "Z") return 0;
  const [hours, minutes] = zone.slice(1).split(":").map(Number) as [number, number];
  return (zone.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
};

const query = z.strictObject({
  source: optional(asked.plain("Name of the file", "文件名", 200)),
  /** Product time of the export: records accepted later cannot be in it. */
  asked: optional(asked.anyTime("Exported at", "导出时间")),
  preview: asked.flag("Preview only", "仅预览"),
  profile: profileName("Saved profile", "导入方案"),
  save: profileName("Save as", "保存为导入方案"),
  kind: optional(
    field(
      {
        title: { en: "Kind", zh: "文件类型" },
        right: { en: `one of ${IMPORT_KINDS.join(", ")}`, zh: `${IMPORT_KINDS.join("、")} 之一` },
      },
      z.enum(IMPORT_KINDS),
    ),
  ),
  map: optional(
    field(
      {
        title: { en: "Headers by field", zh: "各字段的表头" },
        right: {
          en: 'headers by field as JSON, e.g. {"serialNumber":"SDR no."}',
          zh: '按字段给出表头的 JSON，例如 {"serialNumber":"话单号"}',
        },
      },
      readBy(8_000, (told) => columnsSchema.safeParse(parseFlatJson(told)).data),
    ),
  ),
  zone: optional(
    field(
      {
        title: { en: "Zone of times without one", zh: "无时区时间的时差" },
        right: { en: "an offset from UTC, e.g. +08:00", zh: "与 UTC 的时差，例如 +08:00" },
      },
      z
        .string()
        .regex(/^(Z|[+-](0\d|1[0-4]):[0-5]\d)$/)
        .transform(minutesOf),
    ),
  ),
  sheet: optional(
    field(
      { title: { en: "Sheet", zh: "工作表" }, right: { en: "the name of a sheet", zh: "工作表名称" } },
      plainText(64),
    ),
  ),
  currency: optional(asked.currency),
  rows: optional(
    field(
      {
        title: { en: "Rows shown on the marketplace's page", zh: "页面显示的行数" },
        right: { en: "the number of rows that the marketplace's page shows", zh: "云市场页面显示的行数" },
      },
      wholeNumber(/^\d{1,8}$/),
    ),
  ),
  /** For a bill whose lines have no month; for a list, the month that it covers. */
  month: optional(asked.month),
  from: optional(asked.hourStart("Covers from", "覆盖自")),
  to: optional(asked.hourStart("Covers to", "覆盖至")),
});

/** `/v1/imports`: exported lists of bill records, transaction details and bills. */
export const imports = {
  listProfiles: route({
    method: "GET",
    path: "/v1/imports/profiles",
    summary: { en: "Saved ways to read a file", zh: "已保存的导入方案" },
    roles: READERS,
    answers: {
      200: wholeListOf(
        z.strictObject({ name: text("Name", "名称"), profile: byName("Profile", "方案", z.unknown()) }),
      ),
    },
  }),
  importFile: route({
    method: "POST",
    path: "/v1/imports",
    summary: {
      en: "Compares an exported list of bill records, or a bill, with ours; or previews how it is read",
      zh: "用导出的话单列表或账单与我方话单对账，或预览读取结果",
    },
    roles: OPERATOR,
    query,
    body: {
      kind: "file",
      types: [
        "application/octet-stream",
        "text/csv",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/json",
        "application/x-ndjson",
      ],
      mostBytes: 64 * 1024 * 1024,
      right: { en: "an exported file", zh: "导出的文件" },
    },
    answers: { 200: preview, 201: z.discriminatedUnion("kind", [taken, takenBill]) },
  }),
};

import { AGGREGATIONS, RECORD_KINDS } from "@quarterpast/domain";
import { z } from "zod";
import * as asked from "../asked.js";
import { ANY_TEXT, cursor, textCursor, UUID } from "../cursor.js";
import { count, decimal, field, listOf, nullable, optional, text, time, word, yesNo } from "../field.js";
import { decimalText } from "../forms.js";
import { OPERATOR, READERS, route } from "../route.js";
import * as words from "../words.js";
import { pageOf } from "../words.js";

const record = {
  sn: words.sn,
  account: words.account,
  instanceId: words.instanceId,
  product: words.product,
  meter: words.meter,
  unit: words.unit,
  subject: words.subject,
  kind: word("Kind", "类型", RECORD_KINDS),
  part: text("Part", "分段"),
  hour: words.hour,
  begin: words.begin,
  end: words.end,
  quantity: words.quantity,
  events: count("Events", "事件数"),
  state: words.recordState,
  code: words.code,
  attempts: nullable(count("Attempts", "发送次数")),
  settledAt: nullable(time("Settled", "确定时间")),
  windowEnds: words.windowEnds,
  replaces: nullable(text("Replaces", "替代")),
  checksum: text("Checksum", "校验和"),
};
const attempt = z.strictObject({
  at: time("Sent at", "发送时间"),
  host: nullable(text("Host", "主机")),
  result: nullable(text("Result", "结果")),
  code: words.code,
  bodySha256: nullable(text("SHA-256 of the body", "请求体 SHA-256")),
});
const outcome = z.strictObject({
  state: words.recordState,
  code: words.code,
  detail: text("Detail", "说明"),
  source: text("By", "依据"),
  at: time("Decided at", "判定时间"),
});
const wish = z.strictObject({
  askedAt: time("Asked at", "提出时间"),
  quantity: nullable(words.quantity),
  begin: nullable(words.begin),
  end: nullable(words.end),
  reason: text("Reason", "原因"),
  doneAt: nullable(time("Done at", "完成时间")),
  newSn: nullable(text("New serial number", "新序列号")),
  refused: nullable(text("Refused because", "拒绝原因")),
});
const detail = z.strictObject({
  ...record,
  canonical: text("Canonical bytes", "规范字节"),
  prev: text("Checksum before", "前一条校验和"),
  wire: text("As sent", "发送内容"),
  attemptsMade: listOf("Sendings", "发送记录", attempt),
  outcomes: listOf("Outcomes", "处理经过", outcome),
  rereports: listOf("Re-reports", "重新上报", wish),
});
const oneRecord = z.strictObject({ sn: asked.serialNumber });

/** A request to file a record again. Its account's marketplace limits the quantity further. */
export const rereport = z.strictObject({
  quantity: optional(
    field(
      {
        title: { en: "Quantity", zh: "用量" },
        right: { en: "a decimal above 0, e.g. 1.5", zh: "大于 0 的十进制数，例如 1.5" },
        unit: "meter unit",
      },
      decimalText((quantity) => quantity !== "0"),
    ),
  ),
  /** Another interval: the reporter files there only what the marketplace showed to be void. */
  begin: optional(asked.wholeSecond("Begin", "开始")),
  end: optional(asked.wholeSecond("End", "结束")),
  reason: asked.reason,
});

const event = z.strictObject({
  source: words.source,
  id: text("Event", "事件"),
  time: time("Time", "时间"),
  counts: nullable(decimal("Counts", "计入", "meter unit")),
  quantity: nullable(words.quantity),
  value: nullable(text("Value", "值")),
  corrects: nullable(text("Corrects", "更正")),
});
const makeup = z.strictObject({
  sn: words.sn,
  of: text("From the events of", "依据以下话单的事件"),
  instanceId: words.instanceId,
  meter: words.meter,
  unit: words.unit,
  aggregation: word("Aggregation", "汇总方式", AGGREGATIONS),
  hour: words.hour,
  quantity: words.quantity,
  events: count("Events", "事件数"),
  eventsFound: count("Events found", "查得事件数"),
  eventsCount: nullable(decimal("The events count", "事件合计", "meter unit")),
  usage: decimal("Usage of the hour", "该小时用量", "meter unit"),
  residueIn: decimal("Carried in", "带入余量", "meter unit"),
  carried: decimal("From refused records", "承接被拒话单", "meter unit"),
  residueOut: decimal("Carried out", "带出余量", "meter unit"),
  unbillable: decimal("Not billable", "不可计费", "meter unit"),
  filed: decimal("Filed", "已报", "meter unit"),
  parts: count("Records of the hour", "该小时话单数"),
  adds: yesNo("Adds up", "相符"),
});

/** `/v1/records`: bill records with their outcomes, and requests to file one again. */
export const records = {
  listRecords: route({
    method: "GET",
    path: "/v1/records",
    summary: { en: "Records by serial number", zh: "按序列号列出话单" },
    roles: READERS,
    merges: true,
    query: z.strictObject({
      hour: optional(asked.hourStart("Hour", "小时")),
      instance: optional(asked.instanceId),
      state: optional(asked.recordState),
      cursor,
      limit: asked.limit(1_000, 100),
    }),
    answers: { 200: pageOf(z.strictObject(record)) },
  }),
  readRecord: route({
    method: "GET",
    path: "/v1/records/:sn",
    summary: {
      en: "One record: its bytes, its sendings, its outcomes",
      zh: "查看一条话单：规范字节、发送与结果",
    },
    roles: READERS,
    params: oneRecord,
    answers: { 200: detail },
  }),
  rereportRecord: route({
    method: "POST",
    path: "/v1/records/:sn/rereport",
    summary: {
      en: "Asks to file a refused or void record again under a new serial number",
      zh: "以新的序列号重新上报被拒或无效的话单",
    },
    roles: OPERATOR,
    params: oneRecord,
    body: rereport,
    answers: {
      202: z.strictObject({ sn: words.sn, quantity: words.quantity, reason: text("Reason", "原因") }),
    },
  }),
  listRecordEvents: route({
    method: "GET",
    path: "/v1/records/:sn/events",
    summary: {
      en: "The events behind a record, and how they add up to it",
      zh: "构成话单的事件及其如何相加",
    },
    roles: READERS,
    params: oneRecord,
    query: z.strictObject({ cursor: textCursor(ANY_TEXT, UUID), limit: asked.limit(1_000, 100) }),
    answers: {
      200: z.strictObject({
        record: field({ title: { en: "Record", zh: "话单" } }, makeup),
        ...pageOf(event).shape,
      }),
    },
  }),
};

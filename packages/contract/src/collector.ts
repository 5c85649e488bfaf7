import {
  cloudEventSchema,
  ERRORS,
  EVENT_LIMITS,
  parseInstant,
  parseQuantity,
  type ErrorCode,
} from "@quarterpast/domain";
import { z } from "zod";
import { count, field, listOf, nullable, optional, text, word, yesNo } from "./field.js";
import { route, SENDERS, type Contract } from "./route.js";
import { health } from "./routes/health.js";

const { shape } = cloudEventSchema;
const dataShape = shape.data.unwrap().shape;
const titled = <S extends z.ZodType>(en: string, zh: string, schema: S, right?: { en: string; zh: string }) =>
  field({ title: { en, zh }, ...(right && { right }) }, schema);

/** An attribute that is null counts as not there, as the CloudEvents specification has it. */
const mayBeNull = <S extends z.ZodType>(schema: S) => optional(nullable(schema));

const data = z.looseObject({
  quantity: mayBeNull(
    field(
      {
        title: { en: "Quantity", zh: "用量" },
        unit: "meter unit",
        right: {
          en: "a decimal of 0 or more with up to 12 digits on either side of the point, as text beyond 15 digits, e.g. 1.5",
          zh: "不小于 0 的十进制数，小数点两侧各至多 12 位，超过 15 位时以文本给出",
        },
      },
      dataShape.quantity.unwrap().refine((quantity) => parseQuantity(quantity) !== undefined),
    ),
  ),
  value: mayBeNull(titled("Value", "取值", dataShape.value.unwrap())),
});

/** An extension like any other, except that it names an account. */
const accountCode = z
  .string()
  .min(1)
  .max(EVENT_LIMITS.extensionChars)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u);
/**
 * One usage event, a CloudEvent 1.0: what the collector accepts of any event in its accept window that corrects no
 * other. The collector parses events by hand, for speed; a test checks that both accept the same.
 */
export const usageEvent = cloudEventSchema
  .extend({
    specversion: titled("CloudEvents version", "CloudEvents 版本", shape.specversion),
    id: titled("Event", "事件", shape.id),
    source: titled("Source", "来源", shape.source),
    type: titled("Meter", "计量项", shape.type),
    subject: titled("Subject", "主体", shape.subject),
    time: field(
      {
        title: { en: "Time", zh: "时间" },
        format: "date-time",
        right: {
          en: "an RFC 3339 time with a zone, e.g. 2026-03-01T00:00:00Z",
          zh: "带时区的 RFC 3339 时间",
        },
      },
      shape.time.refine((told) => parseInstant(told) !== undefined),
    ),
    datacontenttype: mayBeNull(
      titled("Content type of data", "data 的内容类型", shape.datacontenttype.unwrap()),
    ),
    data: mayBeNull(titled("Data", "数据", data)),
    account: mayBeNull(
      titled("Account whose instance it is about", "所属账户", accountCode, {
        en: "the code of a seller account",
        zh: "商家账户代码",
      }),
    ),
  })
  .catchall(z.unknown())
  .meta({ id: "UsageEvent", description: "A CloudEvent 1.0; type names the meter" });

const batch = z.array(usageEvent).min(1).max(1_000);

const rejection = z.strictObject({
  index: count("Position in the request", "请求中的位置"),
  id: nullable(text("Event", "事件")),
  code: word("Code", "代码", Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  field: nullable(text("Field", "字段")),
  detail: text("Detail", "说明"),
  retryable: yesNo("May be accepted later unchanged", "稍后可原样重试"),
});
/** The answer to a request whose accepted events are on disk: 202 if all are accepted, 207 if some are. */
export const receipt = z.strictObject({
  accepted: count("Accepted", "已接收"),
  rejected: listOf("Rejected", "已拒绝", rejection),
  durability: optional(
    field({ title: { en: "Only in the journal so far", zh: "仅写入日志" } }, z.literal("journal")),
  ),
});

/** Every route of the collector. */
export const COLLECTOR = {
  ...health,
  sendEvents: route({
    method: "POST",
    path: "/v1/events",
    summary: {
      en: "Accepts usage events; what is accepted is on disk: all (202), some (207) or none (422, or 503 if they can be accepted later unchanged)",
      zh: "接收用量事件；已接收的均已落盘：全部接收（202）、部分接收（207），或均未接收（422；若稍后可原样重发则为 503）",
    },
    roles: SENDERS,
    body: {
      kind: "types",
      types: {
        "application/json": z.union([usageEvent, batch]),
        "application/cloudevents+json": usageEvent,
        "application/cloudevents-batch+json": batch,
        "application/x-ndjson": null,
      },
      line: usageEvent,
    },
    answers: { 202: receipt, 207: receipt },
  }),
} satisfies Contract;

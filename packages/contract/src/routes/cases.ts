import { z } from "zod";
import * as asked from "../asked.js";
import { numberCursor } from "../cursor.js";
import {
  anything,
  bilingual,
  byName,
  count,
  field,
  listOf,
  nullable,
  optional,
  text,
  time,
} from "../field.js";
import { wholeNumber } from "../forms.js";
import { OPERATOR, READERS, route } from "../route.js";
import * as words from "../words.js";
import { pageOf } from "../words.js";
import { rereport } from "./records.js";

const limit = asked.limit(1_000, 100);
const aCase = {
  /** Null: it is about what belongs to the seller. */
  account: nullable(words.account),
  id: count("Case", "工单"),
  kind: text("Kind", "类型"),
  ref: text("About", "对象"),
  detail: text("Detail", "说明"),
  owner: nullable(text("Owner", "负责人")),
  openedAt: time("Opened", "创建时间"),
  dueAt: time("Due", "截止时间"),
  resolvedAt: nullable(time("Resolved", "处理时间")),
  resolution: nullable(text("Resolution", "处理结果")),
};
const caseAnswer = z.strictObject(aCase);
const entry = z.strictObject({
  at: words.at,
  keyId: text("By", "操作者"),
  act: text("Act", "操作"),
  detail: byName("Detail", "说明", z.unknown()),
});
const auditEntry = z.strictObject({
  account: nullable(words.account),
  auditId: count("Entry", "编号"),
  at: words.at,
  keyId: text("By", "操作者"),
  act: text("Act", "操作"),
  ref: text("About", "对象"),
  before: anything("Before", "变更前"),
  after: anything("After", "变更后"),
});

const wordOf = (title: { en: string; zh: string }, right: { en: string; zh: string }, most: number) =>
  field(
    { title, right },
    z
      .string()
      .regex(/^[^\p{Cc}\p{Cs}]+$/u)
      .max(most),
  );
const oneCase = z.strictObject({
  id: field(
    { title: { en: "Case", zh: "工单" }, right: { en: "a case's number", zh: "工单编号" } },
    wholeNumber(/^\d{1,15}$/),
  ),
});
const because = z.strictObject({ reason: asked.reason });

const act = (path: string, en: string, zh: string) =>
  route({
    method: "POST",
    path: `/v1/cases/:id/${path}`,
    summary: { en, zh },
    roles: OPERATOR,
    merges: true,
    params: oneCase,
    body: because,
    answers: { 200: caseAnswer },
  });

/** `/v1/cases`: what a person has to settle, and the acts that settle it; `/v1/audit`: who did what. */
export const cases = {
  listCases: route({
    method: "GET",
    path: "/v1/cases",
    summary: { en: "Open cases", zh: "未处理的工单" },
    roles: READERS,
    merges: true,
    query: z.strictObject({
      all: asked.flag("Also resolved ones", "包括已处理的"),
      kind: optional(
        wordOf(
          { en: "Kind", zh: "类型" },
          { en: "a kind of case, e.g. record_abnormal", zh: "工单类型，例如 record_abnormal" },
          40,
        ),
      ),
      owner: optional(wordOf({ en: "Owner", zh: "负责人" }, { en: "an owner's name", zh: "负责人" }, 100)),
      cursor: numberCursor(),
      limit,
    }),
    answers: { 200: pageOf(caseAnswer) },
  }),
  readCase: route({
    method: "GET",
    path: "/v1/cases/:id",
    summary: { en: "A case with its history", zh: "查看工单及其历史" },
    roles: READERS,
    merges: true,
    params: oneCase,
    answers: { 200: z.strictObject({ ...aCase, history: listOf("History", "历史", entry) }) },
  }),
  assignCase: route({
    method: "POST",
    path: "/v1/cases/:id/assign",
    summary: { en: "Assigns a case to a person", zh: "指派负责人" },
    roles: OPERATOR,
    merges: true,
    params: oneCase,
    body: z.strictObject({
      owner: wordOf(
        { en: "Owner", zh: "负责人" },
        { en: "1 to 100 characters", zh: " 1 至 100 个字符" },
        100,
      ),
    }),
    answers: { 200: caseAnswer },
  }),
  noteOnCase: act("note", "Notes something", "备注"),
  writeOffCase: act("write-off", "Writes off what it is about", "核销"),
  closeCase: act("close", "Closes it", "关闭"),
  resendCase: act("resend", "Sends its record again unchanged", "按原样重发话单"),
  rereportCase: route({
    method: "POST",
    path: "/v1/cases/:id/rereport",
    summary: { en: "Files its record again", zh: "重新上报话单" },
    roles: OPERATOR,
    merges: true,
    params: oneCase,
    body: rereport,
    answers: { 200: caseAnswer },
  }),
  chooseProduct: route({
    method: "POST",
    path: "/v1/cases/:id/choose",
    summary: { en: "Chooses the product of an order line that lists several", zh: "为多产品订单行选定产品" },
    roles: OPERATOR,
    merges: true,
    params: oneCase,
    body: z.strictObject({
      product: field(
        {
          title: { en: "Product", zh: "产品" },
          right: { en: "a product id of the order line", zh: "订单行中的产品 ID" },
        },
        z.string().regex(/^[\x21-\x7e]{1,64}$/),
      ),
      reason: asked.reason,
    }),
    answers: { 200: caseAnswer },
  }),
  askMarketplace: route({
    method: "POST",
    path: "/v1/cases/:id/ask",
    summary: { en: "Drafts a request to the marketplace's support", zh: "生成咨询云市场的文本" },
    roles: OPERATOR,
    merges: true,
    params: oneCase,
    answers: { 200: z.strictObject({ ...aCase, text: bilingual("Text", "文本") }) },
  }),
  listAudit: route({
    method: "GET",
    path: "/v1/audit",
    summary: { en: "Who did what, the newest first", zh: "操作记录（最新在前）" },
    roles: READERS,
    merges: true,
    query: z.strictObject({
      ref: optional(
        wordOf({ en: "About", zh: "对象" }, { en: "what the acts concerned", zh: "操作对象" }, 300),
      ),
      cursor: numberCursor(),
      limit,
    }),
    answers: { 200: pageOf(auditEntry) },
  }),
};

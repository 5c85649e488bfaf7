import { FINDING_KINDS, PRICE_MODELS, PRICE_PERIODS, PROPOSED_ACTS, REVENUE_BY } from "@quarterpast/domain";
import { z } from "zod";
import * as asked from "../asked.js";
import { ANY_TEXT, cursor, numberCursor, textCursor } from "../cursor.js";
import {
  bilingual,
  byName,
  count,
  decimal,
  field,
  listOf,
  nullable,
  optional,
  text,
  time,
  word,
  yesNo,
} from "../field.js";
import { decimalText, oneOf, wholeNumber } from "../forms.js";
import { OPERATOR, READERS, route } from "../route.js";
import * as words from "../words.js";
import { pageOf } from "../words.js";

const limit = asked.limit(1_000, 100);
const money = (en: string, zh: string) => decimal(en, zh, "currency");

const band = z.strictObject({
  upTo: nullable(decimal("Up to", "至", "meter unit")),
  unitPrice: money("Unit price", "单价"),
});
const plan = z.strictObject({
  account: words.account,
  id: count("Plan", "方案编号"),
  product: words.product,
  meter: words.meter,
  validFrom: time("Valid from", "生效时间"),
  model: word("Model", "价格模式", PRICE_MODELS),
  currency: words.currency,
  period: word("Period", "累计周期", PRICE_PERIODS),
  free: decimal("Free", "免费量", "meter unit"),
  bands: listOf("Bands", "价格分段", band),
});
const DECIMAL = { en: "a decimal of 0 or more, e.g. 0.0125", zh: "不小于 0 的十进制数，例如 0.0125" };
const askedBand = z.strictObject({
  upTo: field({ title: { en: "Up to", zh: "至" } }, decimalText().nullable()),
  unitPrice: field({ title: { en: "Unit price", zh: "单价" } }, decimalText()),
});
const ofProduct = optional(
  field(
    {
      title: { en: "Product", zh: "产品" },
      right: { en: "a product as its instances name it", zh: "实例所属产品" },
    },
    z.string().regex(/^[\x21-\x7e]([\x20-\x7e]{0,62}[\x21-\x7e])?$/),
  ),
);
const revenue = z.strictObject({
  account: words.account,
  key: text("Of", "对象"),
  currency: nullable(words.currency),
  records: count("Records", "话单数"),
  quantity: nullable(words.quantity),
  unit: nullable(words.unit),
  expected: nullable(money("Expected", "预期收入")),
  billed: nullable(money("Billed", "已出账")),
  bill: nullable(money("Marketplace's bill", "云市场账单")),
  unpriced: count("Records without a price", "无价格话单数"),
});

/** `/v1/prices`: what usage costs, and since when; `/v1/revenue`: the expected revenue of a month. */
export const prices = {
  listPrices: route({
    method: "GET",
    path: "/v1/prices",
    summary: { en: "Price plans, in the order they were added", zh: "按添加顺序列出价格方案" },
    roles: READERS,
    merges: true,
    query: z.strictObject({ product: ofProduct, cursor: numberCursor(), limit }),
    answers: { 200: pageOf(plan) },
  }),
  addPrice: route({
    method: "POST",
    path: "/v1/prices",
    summary: {
      en: "Adds a price plan; it applies from a time on and is never edited: a newer one supersedes it",
      zh: "添加价格方案；自生效时间起有效，不可修改，只能由新方案取代",
    },
    roles: OPERATOR,
    body: z.strictObject({
      product: asked.product,
      meter: asked.meterCode,
      validFrom: asked.wholeSecond("Valid from", "生效时间"),
      model: field(
        { title: { en: "Model", zh: "价格模式" }, right: oneOf(PRICE_MODELS) },
        z.enum(PRICE_MODELS),
      ),
      currency: asked.currency,
      period: field(
        { title: { en: "Period", zh: "累计周期" }, right: oneOf(PRICE_PERIODS) },
        z.enum(PRICE_PERIODS).default("month"),
      ),
      free: optional(
        field({ title: { en: "Free", zh: "免费量" }, right: DECIMAL, unit: "meter unit" }, decimalText()),
      ),
      bands: field(
        {
          title: { en: "Bands", zh: "价格分段" },
          right: {
            en: 'a list of {upTo, unitPrice}, rising, the last with upTo null, e.g. [{"upTo":"3","unitPrice":"0.3"},{"upTo":null,"unitPrice":"0.2"}]',
            zh: "由 {upTo, unitPrice} 组成的列表，按 upTo 递增，最后一段 upTo 为 null",
          },
        },
        z.array(askedBand).min(1).max(50),
      ),
    }),
    answers: { 200: plan, 201: plan },
  }),
  readRevenue: route({
    method: "GET",
    path: "/v1/revenue",
    summary: { en: "Expected revenue of a month, compared with its bills", zh: "某月预期收入及账单金额" },
    roles: READERS,
    merges: true,
    query: z.strictObject({
      month: asked.month,
      by: field(
        { title: { en: "By", zh: "汇总依据" }, right: oneOf(REVENUE_BY) },
        z.enum(REVENUE_BY).default("product"),
      ),
      product: ofProduct,
      instance: optional(asked.instanceId),
      subject: optional(asked.subject),
      cursor: textCursor(ANY_TEXT, ANY_TEXT),
      limit,
    }),
    answers: { 200: pageOf(revenue) },
  }),
};

/** The scopes in which money and usage are compared. */
const SCOPES = ["record", "instance", "product"] as const;
const finding = z.strictObject({
  account: words.account,
  id: text("Difference", "差异编号"),
  kind: word("Kind", "差异", FINDING_KINDS),
  scope: word("Scope", "范围", SCOPES),
  key: text("Of", "对象"),
  instanceId: nullable(words.instanceId),
  since: time("Since", "自"),
  ours: nullable(text("Ours", "我方")),
  theirs: nullable(text("Theirs", "对方")),
  code: words.code,
  currency: nullable(words.currency),
  atStake: nullable(money("At stake", "涉及金额")),
  foundAt: time("Found", "发现时间"),
  resolvedAt: nullable(time("Resolved", "解决时间")),
  statement: text("Statement", "对账文件"),
  cause: bilingual("Cause", "原因"),
  act: word("Proposed act", "建议操作", PROPOSED_ACTS),
  advice: bilingual("What to do", "建议处理"),
});

/** `/v1/findings`: every difference with its cause, the money at stake, what to do, and how it ended. */
export const findings = {
  listFindings: route({
    method: "GET",
    path: "/v1/findings",
    summary: { en: "Open differences", zh: "未解决的差异" },
    roles: READERS,
    merges: true,
    query: z.strictObject({
      all: asked.flag("Also resolved ones", "包括已解决的"),
      kind: optional(
        field({ title: { en: "Kind", zh: "差异" }, right: oneOf(FINDING_KINDS) }, z.enum(FINDING_KINDS)),
      ),
      cursor,
      limit,
    }),
    answers: { 200: pageOf(finding) },
  }),
  settleFinding: route({
    method: "POST",
    path: "/v1/findings/:id/settle",
    summary: {
      en: "Ends a difference that was settled elsewhere; finding the same one again does not reopen it",
      zh: "结束已另行处理的差异；再次发现相同差异时不再提示",
    },
    roles: OPERATOR,
    params: z.strictObject({
      id: field(
        {
          title: { en: "Difference", zh: "差异编号" },
          right: { en: "a finding's id such as q12 or m3", zh: "差异编号，例如 q12 或 m3" },
        },
        z.string().regex(/^[qm]\d{1,15}$/),
      ),
    }),
    body: z.strictObject({ reason: asked.reason }),
    answers: { 200: z.strictObject({ id: text("Difference", "差异编号") }) },
  }),
};

const bill = z.strictObject({
  account: words.account,
  bill: count("Bill", "账单"),
  source: text("File", "文件"),
  takenAt: time("Imported", "导入时间"),
  complete: yesNo("Whole", "完整"),
  from: nullable(time("Covers from", "覆盖自")),
  to: nullable(time("Covers to", "覆盖至")),
  lines: count("Lines", "行数"),
  superseded: yesNo("Superseded by a wider bill", "已被涵盖"),
  amounts: byName("Amounts by currency", "各货币金额", words.amount),
});
const line = z.strictObject({
  line: count("Line", "行"),
  month: words.month,
  usageMonth: field({ title: { en: "Month of the usage", zh: "用量月份" } }, words.month),
  begin: nullable(words.begin),
  end: nullable(words.end),
  sn: nullable(words.sn),
  instanceId: nullable(words.instanceId),
  product: nullable(words.product),
  customer: nullable(text("Customer", "客户")),
  orderId: nullable(text("Order", "订单")),
  quantity: nullable(words.quantity),
  amount: words.amount,
  currency: words.currency,
  refund: yesNo("Refund", "退款"),
  records: count("Records", "话单数"),
  recordsQuantity: nullable(decimal("Quantity of our records", "我方话单用量", "meter unit")),
  expected: nullable(money("We expect", "我方预期")),
});
const lineRecord = z.strictObject({
  sn: words.sn,
  instanceId: words.instanceId,
  begin: words.begin,
  end: words.end,
  state: words.recordState,
  quantity: words.quantity,
  amount: nullable(money("We expect", "我方预期")),
  currency: nullable(words.currency),
});
const credit = z.strictObject({
  account: words.account,
  instanceId: words.instanceId,
  product: words.product,
  subject: words.subject,
  meter: words.meter,
  unit: words.unit,
  since: time("Since", "自"),
  quantity: words.quantity,
  amount: nullable(money("Worth", "折合金额")),
  currency: nullable(words.currency),
  refundDue: yesNo("To be refunded", "应退款"),
});

const billNo = field(
  {
    title: { en: "Bill", zh: "账单" },
    right: { en: "a bill's number, as GET /v1/bills shows it", zh: "账单编号（见 GET /v1/bills）" },
  },
  wholeNumber(/^\d{1,9}$/),
);
const lineNo = field(
  { title: { en: "Line", zh: "行" }, right: { en: "a line's number", zh: "行号" } },
  wholeNumber(/^\d{1,9}$/),
);
const numbered = z.strictObject({ cursor: numberCursor(9), limit });

/** `/v1/bills`: from a bill's line to the records behind it; `/v1/credits`: what we owe customers. */
export const bills = {
  listBills: route({
    method: "GET",
    path: "/v1/bills",
    summary: { en: "The bills that were imported", zh: "已导入的账单" },
    roles: READERS,
    merges: true,
    query: numbered,
    answers: { 200: pageOf(bill) },
  }),
  listBillLines: route({
    method: "GET",
    path: "/v1/bills/:bill/lines",
    summary: { en: "The lines of a bill, each with the sum of our records", zh: "账单各行及我方话单合计" },
    roles: READERS,
    params: z.strictObject({ bill: billNo }),
    query: numbered,
    answers: { 200: pageOf(line) },
  }),
  listLineRecords: route({
    method: "GET",
    path: "/v1/bills/:bill/lines/:line/records",
    summary: { en: "The records behind a line of a bill", zh: "构成账单某一行的话单" },
    roles: READERS,
    params: z.strictObject({ bill: billNo, line: lineNo }),
    query: z.strictObject({ cursor, limit }),
    answers: {
      200: z.strictObject({
        line: field({ title: { en: "Line", zh: "账单行" } }, line),
        ...pageOf(lineRecord).shape,
      }),
    },
  }),
  listCredits: route({
    method: "GET",
    path: "/v1/credits",
    summary: { en: "Instances that were billed more than they used", zh: "多计费用的实例" },
    roles: READERS,
    merges: true,
    query: z.strictObject({ due: asked.flag("Only what is to be refunded", "仅应退款的"), cursor, limit }),
    answers: { 200: pageOf(credit) },
  }),
};

import { SELLING_MODES, SUBSCRIPTION_STATES, SUSPENSION_REASONS, WAITS_FOR } from "@quarterpast/domain";
import { z } from "zod";
import * as asked from "../asked.js";
import { anything, byName, count, field, nullable, optional, text, time, word, yesNo } from "../field.js";
import { oneOf, wholeNumber } from "../forms.js";
import { OPERATOR, READERS, route } from "../route.js";
import * as words from "../words.js";
import { pageOf, wholeListOf } from "../words.js";

const NUMBER = { en: "a whole number above 0", zh: "大于 0 的整数" };
const number = wholeNumber(/^[1-9]\d{0,14}$/);
const before = optional(field({ title: { en: "Page", zh: "页" }, right: NUMBER }, number));
const numbered = z.strictObject({
  id: field({ title: { en: "Number", zh: "编号" }, right: NUMBER }, number),
});
const limit = asked.limit(1_000, 100);

const subscription = z.strictObject({
  account: words.account,
  subscriptionNo: count("Subscription", "订购编号"),
  instanceId: words.instanceId,
  orderId: text("Order", "订单"),
  item: text("Order line", "订单行"),
  version: text("Version", "版本"),
  state: word("State", "状态", SUBSCRIPTION_STATES),
  waitsFor: nullable(word("Waits for", "等待", WAITS_FOR)),
  productId: nullable(words.product),
  mode: nullable(word("Selling mode", "销售模式", SELLING_MODES)),
  customerId: nullable(text("Customer", "客户")),
  customerName: nullable(text("Customer's name", "客户名称")),
  terms: byName("Terms", "订购条件", z.unknown()),
  expires: nullable(time("Expires", "到期时间")),
  subject: nullable(words.subject),
  opened: nullable(time("Opened", "开通时间")),
  suspendedWhy: nullable(word("Suspended because", "暂停原因", SUSPENSION_REASONS)),
  sameAs: nullable(count("Same as", "等同于")),
  receivedAt: time("Received", "接收时间"),
  tries: count("Tries", "尝试次数"),
});
const hook = z.strictObject({
  account: words.account,
  hookId: count("Hook", "通知编号"),
  deliveryId: text("Delivery", "投递编号"),
  kind: text("Kind", "类型"),
  ref: text("About", "对象"),
  payload: text("Payload", "内容"),
  attempts: count("Attempts", "尝试次数"),
  deliveredAt: nullable(time("Delivered", "送达时间")),
  reply: anything("Reply", "回复"),
  lastError: nullable(text("Last error", "最近错误")),
});
const call = z.strictObject({
  account: words.account,
  callId: count("Call", "编号"),
  version: text("Version", "版本"),
  activity: text("Activity", "接口"),
  test: yesNo("Debugging", "调试"),
  received: time("Received", "接收时间"),
  query: text("Query", "查询参数"),
  body: text("Body", "请求体"),
  authentic: yesNo("Signed by our key", "签名有效"),
  ok: yesNo("Done", "已完成"),
  code: text("Code", "结果码"),
  detail: text("Detail", "说明"),
  reply: text("Reply", "应答"),
  durationMs: count("Duration", "耗时", "ms"),
  ref: text("About", "对象"),
  rerunOf: nullable(count("Runs again", "重新运行")),
});

/** What the storefront has received: subscriptions, every call, and hooks that were not delivered. */
export const storefrontReads = {
  listSubscriptions: route({
    method: "GET",
    path: "/v1/subscriptions",
    summary: { en: "What was bought, the newest first", zh: "订购记录（最新在前）" },
    roles: READERS,
    merges: true,
    query: z.strictObject({
      cursor: before,
      limit,
      state: optional(
        field(
          { title: { en: "State", zh: "状态" }, right: oneOf(SUBSCRIPTION_STATES) },
          z.enum(SUBSCRIPTION_STATES),
        ),
      ),
    }),
    answers: { 200: pageOf(subscription) },
  }),
  listHooks: route({
    method: "GET",
    path: "/v1/hooks",
    summary: { en: "Hooks that the seller's service has not accepted yet", zh: "商家服务尚未接收的通知" },
    roles: READERS,
    merges: true,
    query: z.strictObject({ limit }),
    answers: { 200: wholeListOf(hook) },
  }),
  listCalls: route({
    method: "GET",
    path: "/v1/calls",
    summary: { en: "Calls of the marketplace, the newest first", zh: "云市场的接口调用（最新在前）" },
    roles: READERS,
    merges: true,
    query: z.strictObject({
      cursor: before,
      limit,
      ref: optional(asked.instanceId),
      failed: asked.flag("Only failed ones", "仅未成功的"),
    }),
    answers: { 200: pageOf(call) },
  }),
  rerunCall: route({
    method: "POST",
    path: "/v1/calls/:id/rerun",
    summary: { en: "Runs a call again, as if it had been repeated", zh: "重新运行一次调用" },
    roles: OPERATOR,
    params: numbered,
    answers: {
      202: z.strictObject({ rerunId: count("Rerun", "重新运行编号"), callId: count("Call", "编号") }),
    },
  }),
  readRerun: route({
    method: "GET",
    path: "/v1/reruns/:id",
    summary: { en: "The result of a rerun", zh: "重新运行的结果" },
    roles: READERS,
    params: numbered,
    answers: {
      200: z.strictObject({
        rerunId: count("Rerun", "重新运行编号"),
        callId: count("Call", "编号"),
        doneAt: nullable(time("Done", "完成时间")),
        code: nullable(text("Code", "结果码")),
      }),
    },
  }),
};

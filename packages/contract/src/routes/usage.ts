import { HOUR_STATUSES, QUARANTINE_REASONS, type QuarantineReason } from "@quarterpast/domain";
import { z } from "zod";
import * as asked from "../asked.js";
import { bilingual, byName, count, field, listOf, nullable, optional, text, time, word } from "../field.js";
import { oneOf } from "../forms.js";
import { NOTHING, OPERATOR, READERS, route } from "../route.js";
import * as words from "../words.js";
import { wholeListOf } from "../words.js";

const hour = z.strictObject({
  account: words.account,
  hour: words.hour,
  status: word("Status", "状态", ["open", ...HOUR_STATUSES]),
  reason: text("Reason", "原因"),
  sealedAt: nullable(time("Sealed", "封账时间")),
  events: count("Events", "事件数"),
  records: count("Records", "话单数"),
  states: byName("Records by state", "话单状态", count("Records", "话单数")),
  windowEnds: words.windowEnds,
});

/** `/v1/hours`: the newest hours first, each with the end of its countdown. */
export const hours = {
  listHours: route({
    method: "GET",
    path: "/v1/hours",
    summary: {
      en: "The newest hours first, by account; next goes into before",
      zh: "各小时（最新在前，按账号）；next 用作 before",
    },
    roles: READERS,
    merges: true,
    query: z.strictObject({
      before: optional(asked.anyTime("Before", "此时间之前")),
      limit: asked.limit(500, 24),
    }),
    answers: {
      200: z.strictObject({
        now: time("Product time now", "当前系统时间"),
        items: listOf("Hours", "小时", hour),
        next: nullable(time("Next page", "下一页")),
      }),
    },
  }),
};

const REASONS = Object.keys(QUARANTINE_REASONS) as [QuarantineReason, ...QuarantineReason[]];
const waiting = z.strictObject({
  reason: word("Reason", "原因代码", REASONS),
  subject: words.subject,
  meter: words.meter,
  account: nullable(words.account),
  events: count("Events", "事件数"),
  since: time("Since", "最早时间"),
  why: bilingual("Why", "原因"),
  advice: bilingual("What to do", "建议处理"),
});

const reason = field({ title: { en: "Reason", zh: "原因代码" }, right: oneOf(REASONS) }, z.enum(REASONS));
const rule = z.strictObject({
  rule: count("Rule", "规则"),
  source: nullable(words.source),
  subject: nullable(words.subject),
  account: words.account,
  keyId: text("Key", "密钥"),
  createdAt: time("Created", "创建时间"),
});

/**
 * `/v1/quarantine`: waiting events, with what ends the wait; writing them off; and assigning them to an account, once
 * or by a lasting rule.
 */
export const quarantine = {
  listQuarantine: route({
    method: "GET",
    path: "/v1/quarantine",
    summary: {
      en: "Events that wait, by reason, subject, meter and account",
      zh: "按原因、主体、计量项和账户统计等待中的事件",
    },
    roles: READERS,
    query: z.strictObject({ limit: asked.limit(1_000, 100) }),
    answers: { 200: wholeListOf(waiting) },
  }),
  writeOffQuarantine: route({
    method: "POST",
    path: "/v1/quarantine/write-off",
    summary: {
      en: "Writes off the waiting events of one row: kept unchanged, never counted",
      zh: "核销一行中等待的事件：原样保留，永不计入",
    },
    roles: OPERATOR,
    body: z.strictObject({
      reason,
      meter: asked.plain("Meter", "计量项", 256),
      subject: asked.plain("Subject", "主体", 256),
      account: optional(nullable(asked.account)),
      note: asked.plain("Note", "说明", 500),
    }),
    answers: {
      200: z.strictObject({
        reason: word("Reason", "原因代码", REASONS),
        meter: words.meter,
        subject: words.subject,
        account: nullable(words.account),
        events: count("Events", "事件数"),
      }),
    },
  }),
  assignQuarantine: route({
    method: "POST",
    path: "/v1/quarantine/assign",
    summary: {
      en: "Assigns waiting events to an account; with always, also makes it a rule for one source or subject",
      zh: "指明等待事件所属的账户；always 则对一个来源或主体设为长期规则",
    },
    roles: OPERATOR,
    body: z.strictObject({
      account: asked.account,
      reason: optional(reason),
      source: optional(asked.source),
      subject: optional(asked.subject),
      meter: optional(asked.meterCode),
      always: optional(
        field(
          {
            title: { en: "Also for later events", zh: "对以后的事件同样生效" },
            right: { en: "true or false", zh: " true 或 false" },
          },
          z.boolean(),
        ),
      ),
    }),
    answers: {
      200: z.strictObject({
        account: words.account,
        events: count("Events", "事件数"),
        rule: nullable(field({ title: { en: "Lasting rule", zh: "长期规则" } }, rule)),
      }),
    },
  }),
  listAccountRules: route({
    method: "GET",
    path: "/v1/quarantine/rules",
    summary: {
      en: "Lasting rules: which account the usage belongs to if several have a live instance",
      zh: "长期规则：多个账户都有存活实例时用量的归属",
    },
    roles: READERS,
    answers: { 200: wholeListOf(rule) },
  }),
  removeAccountRule: route({
    method: "DELETE",
    path: "/v1/quarantine/rules/:rule",
    summary: {
      en: "Removes a lasting rule; usage counted by it stays where it is",
      zh: "删除长期规则；已按其计入的事件保持不变",
    },
    roles: OPERATOR,
    params: z.strictObject({ rule: asked.ruleNo }),
    answers: { 204: NOTHING },
  }),
};

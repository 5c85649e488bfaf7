import { HOUR_STATUSES, QUARANTINE_REASONS, type QuarantineReason } from "@quarterpast/domain";
import { z } from "zod";
import * as asked from "../asked.js";
import { bilingual, byName, count, field, listOf, nullable, optional, text, time, word } from "../field.js";
import { oneOf } from "../forms.js";
import { OPERATOR, READERS, route } from "../route.js";
import * as words from "../words.js";
import { wholeListOf } from "../words.js";

const hour = z.strictObject({
  hour: words.hour,
  status: word("Status", "状态", ["open", ...HOUR_STATUSES]),
  reason: text("Reason", "原因"),
  sealedAt: nullable(time("Sealed", "封账时间")),
  events: count("Events", "事件数"),
  records: count("Records", "话单数"),
  states: byName("Records by state", "话单状态", count("Records", "话单数")),
  windowEnds: words.windowEnds,
});

/** `/v1/hours`: the newest hours first, each with its countdown's end. */
export const hours = {
  listHours: route({
    method: "GET",
    path: "/v1/hours",
    summary: {
      en: "The newest hours first; next goes into before",
      zh: "各小时（最新在前）；next 用作 before",
    },
    roles: READERS,
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
  events: count("Events", "事件数"),
  since: time("Since", "最早时间"),
  why: bilingual("Why", "原因"),
  advice: bilingual("What to do", "建议处理"),
});

/** `/v1/quarantine`: events that wait, with what ends the wait; and giving them up. */
export const quarantine = {
  listQuarantine: route({
    method: "GET",
    path: "/v1/quarantine",
    summary: {
      en: "Events that wait, by reason, subject and meter",
      zh: "按原因、主体和计量项统计等待中的事件",
    },
    roles: READERS,
    query: z.strictObject({ limit: asked.limit(1_000, 100) }),
    answers: { 200: wholeListOf(waiting) },
  }),
  writeOffQuarantine: route({
    method: "POST",
    path: "/v1/quarantine/write-off",
    summary: {
      en: "Gives the waiting events of one row up: kept as they came, never counted",
      zh: "核销一行中等待的事件：原样保留，永不计入",
    },
    roles: OPERATOR,
    body: z.strictObject({
      reason: field({ title: { en: "Reason", zh: "原因代码" }, right: oneOf(REASONS) }, z.enum(REASONS)),
      meter: asked.plain("Meter", "计量项", 256),
      subject: asked.plain("Subject", "主体", 256),
      note: asked.plain("Note", "说明", 500),
    }),
    answers: {
      200: z.strictObject({
        reason: word("Reason", "原因代码", REASONS),
        meter: words.meter,
        subject: words.subject,
        events: count("Events", "事件数"),
      }),
    },
  }),
};

import { z } from "zod";
import { bilingual, byName, field, listOf, nullable, text, time, yesNo } from "../field.js";
import { EVERYBODY, READERS, route } from "../route.js";
import * as words from "../words.js";

const address = (en: string, zh: string) => text(en, zh);
const clock = z.strictObject({
  start: time("Product time at the anchor", "锚点的系统时间"),
  at: time("Real time at the anchor", "锚点的真实时间"),
  rate: field(
    { title: { en: "Product seconds per real second", zh: "每真实秒的系统秒数" } },
    z.number().min(0),
  ),
  now: time("Product time now", "当前系统时间"),
});
const stackAnswer = z.strictObject({
  version: text("Version", "版本"),
  collector: address("Collector", "采集服务地址"),
  api: address("Api", "api 地址"),
  storefront: address("Storefront", "storefront 地址"),
  sandbox: nullable(address("Sandbox", "沙箱地址")),
  clock: field({ title: { en: "Product clock", zh: "系统时钟" } }, clock),
});

const check = z.strictObject({
  name: text("Check", "检查项"),
  /** Null for what is the seller's as a whole. */
  account: nullable(words.account),
  title: bilingual("Title", "名称"),
  ok: yesNo("Well", "正常"),
  found: bilingual("Found", "检查结果"),
  advice: nullable(bilingual("What to do", "建议处理")),
});
const doctorAnswer = z.strictObject({
  ok: yesNo("All is well", "一切正常"),
  checks: listOf("Checks", "检查项", check),
});

/** Whether all is well, with the seller and with each account. */
export const doctor = {
  examine: route({
    method: "GET",
    path: "/v1/doctor",
    summary: { en: "Whether all is well, and what to do if not", zh: "全面检查并给出处理建议" },
    roles: READERS,
    merges: true,
    answers: { 200: doctorAnswer },
  }),
};

/** What runs where, and what may be asked. */
export const stack = {
  readStack: route({
    method: "GET",
    path: "/v1/stack",
    summary: { en: "What runs where, and the product's clock", zh: "各服务地址与系统时钟" },
    roles: EVERYBODY,
    answers: { 200: stackAnswer },
  }),
  readOpenApi: route({
    method: "GET",
    path: "/v1/openapi.json",
    summary: { en: "This document", zh: "本文档" },
    roles: READERS,
    answers: {
      200: z.strictObject({
        openapi: text("OpenAPI's version", "OpenAPI 版本"),
        info: byName("What it describes", "描述对象", z.unknown()),
        security: listOf("Ways to authenticate", "认证方式", z.record(z.string(), z.array(z.string()))),
        paths: byName("Operations", "接口", z.unknown()),
        components: byName("Shared schemas", "共用结构", z.unknown()),
      }),
    },
  }),
};

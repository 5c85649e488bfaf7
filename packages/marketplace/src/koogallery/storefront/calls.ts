import type { StorefrontCalls } from "@quarterpast/contract";
import { field, listOf, optional, text } from "@quarterpast/contract/field";
import { z } from "zod";

const app = z.looseObject({
  frontEndUrl: optional(text("Front end", "前台地址")),
  adminUrl: optional(text("Administration", "管理地址")),
  userName: optional(text("User name", "用户名")),
  password: optional(text("Password", "密码")),
  memo: optional(text("Memo", "备注")),
});
const appInfo = optional(field({ title: { en: "Access", zh: "访问信息" } }, app));
const usage = z.looseObject({
  relatedInstanceId: optional(text("Pay-per-use instance", "按需实例")),
  usageValue: field({ title: { en: "Usage", zh: "用量" } }, z.number()),
  statisticalTime: text("As of", "统计时间"),
  dashboardUrl: optional(text("Dashboard", "用量看板")),
});
const info = z.looseObject({
  instanceId: text("Instance", "实例"),
  appInfo,
  usageInfo: optional(listOf("Usage", "用量", usage)),
});
/** The answer to a marketplace's call, always with HTTP 200: the result code is the outcome. */
const answer = z.looseObject({
  resultCode: text("Result code", "结果码"),
  resultMsg: text("Result", "结果说明"),
  encryptType: optional(text("Encryption", "加密方式")),
  instanceId: optional(text("Instance", "实例")),
  appInfo,
  info: optional(listOf("Instances", "实例列表", info)),
});
const activity = text("Activity", "接口");

/** What KooGallery sends to a production address, and what it is answered (koogallery.md 3). */
export const CALLS: StorefrontCalls = {
  v2: {
    method: "POST",
    summary: { en: "A call of the marketplace, version 2", zh: "云商店接口调用（V2.0）" },
    body: z.looseObject({ activity }),
    answers: { 200: answer },
  },
  v1: {
    method: "GET",
    summary: { en: "A call of the marketplace, version 1", zh: "云商店接口调用（V1.0）" },
    query: z.looseObject({ activity, authToken: text("Signature", "签名") }),
    answers: { 200: answer },
  },
};

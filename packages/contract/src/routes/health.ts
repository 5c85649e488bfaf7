import { z } from "zod";
import { field, listOf, text, yesNo } from "../field.js";
import { route } from "../route.js";

const readiness = z.strictObject({
  ready: yesNo("Ready", "就绪"),
  failing: listOf(
    "What fails",
    "未通过的检查",
    z.strictObject({ check: text("Check", "检查项"), detail: text("Detail", "说明") }),
  ),
});

/** What every service answers on its port, without a key. */
export const health = {
  readLive: route({
    method: "GET",
    path: "/healthz/live",
    summary: { en: "Whether the process runs", zh: "进程是否存活" },
    roles: [],
    answers: { 200: z.strictObject({ live: field({ title: { en: "Live", zh: "存活" } }, z.literal(true)) }) },
  }),
  readReady: route({
    method: "GET",
    path: "/healthz/ready",
    summary: { en: "Whether it can do its work, and what fails if not", zh: "服务是否就绪及未通过的检查" },
    roles: [],
    answers: { 200: readiness, 503: readiness },
  }),
  readMetrics: route({
    method: "GET",
    path: "/metrics",
    summary: { en: "Its metrics, for Prometheus", zh: "Prometheus 指标" },
    roles: [],
    answers: { 200: { kind: "stream", lines: { "text/plain": null } } },
  }),
};

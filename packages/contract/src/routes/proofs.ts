import { DEPTHS, RECORD_STATES } from "@quarterpast/domain";
import { z } from "zod";
import * as asked from "../asked.js";
import { count, decimal, field, listOf, nullable, optional, text, time, word } from "../field.js";
import { READERS, route } from "../route.js";
import * as words from "../words.js";

const plainListOf = <S extends z.ZodType>(item: S) =>
  z.strictObject({ items: listOf("Items", "条目", item) });

/** A signed manifest of an hour. */
export const manifest = z.strictObject({
  account: words.account,
  number: count("Number", "编号"),
  hour: words.hour,
  canonical: text("Canonical bytes", "规范字节"),
  hash: text("Hash", "哈希"),
  keyId: text("Key", "密钥编号"),
  signature: text("Signature", "签名"),
  anchors: count("Anchors", "锚点数"),
});
const proofKey = z.strictObject({
  keyId: text("Key", "密钥编号"),
  publicKey: text("Public key", "公钥"),
  createdAt: time("Created", "创建时间"),
});
const hash = (en: string, zh: string) => text(en, zh);
const inclusion = z.strictObject({
  manifest: field({ title: { en: "Manifest", zh: "清单" } }, manifest),
  event: text("Event", "事件"),
  index: count("Leaf", "叶序号"),
  leaves: count("Leaves", "叶数"),
  path: listOf("Path", "路径", hash("Hash", "哈希")),
  root: hash("Root", "根"),
  usage: text("Usage", "用量"),
  usageIndex: count("Leaf of the usage", "用量叶序号"),
  usages: count("Leaves of the usage", "用量叶数"),
  usagePath: listOf("Path of the usage", "用量路径", hash("Hash", "哈希")),
});

/** `/v1/proof-key`, `/v1/manifests`, `/v1/proofs`: what a verifier needs. */
export const proofs = {
  listProofKeys: route({
    method: "GET",
    path: "/v1/proof-key",
    summary: { en: "The public keys that manifests are signed with", zh: "清单签名公钥" },
    roles: READERS,
    merges: true,
    answers: { 200: plainListOf(proofKey) },
  }),
  listManifests: route({
    method: "GET",
    path: "/v1/manifests",
    summary: { en: "The signed manifests of a span of hours", zh: "期间内各小时已签名的清单" },
    roles: READERS,
    merges: true,
    query: z.strictObject(asked.hours),
    answers: { 200: plainListOf(manifest) },
  }),
  readHourProof: route({
    method: "GET",
    path: "/v1/proofs/hours/:hour",
    summary: {
      en: "The lines of an hour as currently in the ledger, with its signed manifest (docs/proof.md)",
      zh: "由账本即时生成的该小时内容及已签名清单（docs/proof.md）",
    },
    roles: READERS,
    params: z.strictObject({ hour: asked.hourStart("Hour", "小时") }),
    query: z.strictObject({
      depth: field(
        {
          title: { en: "Depth", zh: "深度" },
          right: { en: "events, usage or chain", zh: " events、usage 或 chain" },
        },
        z.enum(DEPTHS).default("events"),
      ),
    }),
    answers: { 200: { kind: "stream", lines: { "application/x-ndjson": null } } },
  }),
  readRecordProof: route({
    method: "GET",
    path: "/v1/proofs/records/:sn",
    summary: { en: "The manifest that covers a record", zh: "涵盖某话单的清单" },
    roles: READERS,
    params: z.strictObject({ sn: asked.serialNumber }),
    answers: { 200: manifest },
  }),
  readEventProof: route({
    method: "GET",
    path: "/v1/proofs/events",
    summary: { en: "The proof from one event to a signed manifest", zh: "从事件到已签名清单的证明" },
    roles: READERS,
    query: z.strictObject({ source: asked.source, id: asked.eventId }),
    answers: { 200: inclusion },
  }),
};

/** A row of an export, in the order of its columns; every cell is text. */
export const exportRow = z.strictObject({
  sn: words.sn,
  account: words.account,
  product: words.product,
  instanceId: words.instanceId,
  subject: words.subject,
  meter: words.meter,
  unit: words.unit,
  kind: text("Kind", "类型"),
  part: text("Part", "分段"),
  hour: words.hour,
  begin: words.begin,
  end: words.end,
  quantity: words.quantity,
  events: text("Events", "事件数"),
  state: text("State", "状态"),
  code: text("Code", "代码"),
  replaces: text("Replaces", "替代"),
  shard: text("Shard", "分片"),
  seq: text("Sequence", "序号"),
  checksum: text("Checksum", "校验和"),
});
const total = {
  account: words.account,
  product: words.product,
  meter: words.meter,
  unit: words.unit,
  quantity: words.quantity,
  records: count("Records", "话单数"),
};
const name = (en: string, zh: string) => optional(asked.plain(en, zh, 128));

/** `/v1/exports`, `/v1/summary`: records as files, and totals of a span. */
export const exports = {
  exportRecords: route({
    method: "GET",
    path: "/v1/exports/records",
    summary: { en: "The records of a span of hours as a file", zh: "将期间内的话单导出为文件" },
    roles: READERS,
    merges: true,
    query: z.strictObject({
      ...asked.hours,
      product: name("Product", "产品"),
      subject: name("Subject", "主体"),
      format: field(
        { title: { en: "Format", zh: "格式" }, right: { en: "csv or ndjson", zh: " csv 或 ndjson" } },
        z.enum(["csv", "ndjson"]).default("csv"),
      ),
      lang: field(
        {
          title: { en: "Language of the header", zh: "表头语言" },
          right: { en: "en or zh", zh: " en 或 zh" },
        },
        z.enum(["en", "zh"]).default("en"),
      ),
    }),
    answers: {
      200: { kind: "stream", lines: { "text/csv": exportRow, "application/x-ndjson": exportRow } },
    },
  }),
  summarize: route({
    method: "GET",
    path: "/v1/summary",
    summary: { en: "The totals of a span as the manifests sign them", zh: "期间合计（与清单签名一致）" },
    roles: READERS,
    merges: true,
    query: z.strictObject(asked.hours),
    answers: { 200: plainListOf(z.strictObject({ ...total, kind: text("Kind", "类型") })) },
  }),
  summarizeDays: route({
    method: "GET",
    path: "/v1/summary/days",
    summary: {
      en: "What was filed, by day of the marketplace and present state",
      zh: "按云市场日期与当前状态汇总",
    },
    roles: READERS,
    merges: true,
    query: z.strictObject(asked.hours),
    answers: {
      200: plainListOf(
        z.strictObject({
          ...total,
          day: field({ title: { en: "Day", zh: "日期" }, format: "date" }, z.string()),
          state: word("State", "状态", RECORD_STATES),
        }),
      ),
    },
  }),
};

const difference = z.strictObject({
  problem: word("What differs", "差异", ["usage", "events", "filed"]),
  instanceId: words.instanceId,
  origin: nullable(time("Of the hour", "事件所属小时")),
  rebuilt: decimal("Computed again", "重新计算", "meter unit"),
  stands: decimal("Stands", "账本", "meter unit"),
});

/** A line of `/v1/rebuild`. */
export const rebuiltHour = z.strictObject({
  hour: words.hour,
  instances: count("Instances", "实例数"),
  events: count("Events", "事件数"),
  records: count("Records", "话单数"),
  differences: listOf("Differences", "差异", difference),
});

/** `/v1/rebuild`: sealed hours computed again. */
export const rebuild = {
  rebuildHours: route({
    method: "GET",
    path: "/v1/rebuild",
    summary: {
      en: "Each sealed hour of a span computed again from its events, one line per hour as it is done",
      zh: "由事件重新计算期间内已封账的小时，每小时一行",
    },
    roles: READERS,
    query: z.strictObject(asked.hours),
    answers: { 200: { kind: "stream", lines: { "application/x-ndjson": rebuiltHour } } },
  }),
};

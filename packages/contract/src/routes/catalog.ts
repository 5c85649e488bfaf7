import { AGGREGATIONS, KEY_ROLES, RESET_RULES, SELLING_MODES } from "@quarterpast/domain";
import { z } from "zod";
import * as asked from "../asked.js";
import { cursor } from "../cursor.js";
import { count, decimal, field, listOf, nullable, optional, text, time, word } from "../field.js";
import { decimalText, oneOf } from "../forms.js";
import { NOTHING, OPERATOR, READERS, route } from "../route.js";
import * as words from "../words.js";
import { pageOf, wholeListOf } from "../words.js";

const paging = { cursor, limit: asked.limit(1_000, 100) };
const CYCLES = ["hourly", "daily"] as const;

/** A meter in answers. */
export const meter = z.strictObject({
  code: text("Code", "代码"),
  aggregation: word("Aggregation", "汇总方式", AGGREGATIONS),
  unit: words.unit,
  scale: count("Decimals", "小数位"),
});

/** `/v1/meters`: what is counted and how. A meter never changes, except that it may get more decimals. */
export const meters = {
  listMeters: route({
    method: "GET",
    path: "/v1/meters",
    summary: { en: "All meters", zh: "全部计量项" },
    roles: READERS,
    answers: { 200: wholeListOf(meter) },
  }),
  addMeter: route({
    method: "POST",
    path: "/v1/meters",
    summary: {
      en: "Adds a meter; the same one again changes nothing",
      zh: "添加计量项；重复添加相同内容无变化",
    },
    roles: OPERATOR,
    body: z.strictObject({
      code: asked.meterCode,
      aggregation: asked.aggregation,
      unit: optional(asked.unit),
      scale: optional(asked.scale),
    }),
    answers: { 200: meter, 201: meter },
  }),
  rescaleMeter: route({
    method: "POST",
    path: "/v1/meters/:code/scale",
    summary: {
      en: "Gives a meter more decimals; events that waited for this are then counted",
      zh: "增加计量项的小数位；因精度等待的事件随后计入",
    },
    roles: OPERATOR,
    params: z.strictObject({ code: asked.meterCode }),
    body: z.strictObject({ scale: asked.scale }),
    answers: { 200: meter },
  }),
};

/** An instance in answers. */
export const instance = z.strictObject({
  account: words.account,
  instanceId: words.instanceId,
  product: words.product,
  meter: words.meter,
  subject: words.subject,
  cycle: word("Billing cycle", "计费周期", CYCLES),
  opened: time("Opened", "开通时间"),
  closed: nullable(time("Closed", "关闭时间")),
});
const oneInstance = z.strictObject({ id: asked.instanceId });

/** `/v1/instances`: what customers bought, and the time in which it may be billed. */
export const instances = {
  listInstances: route({
    method: "GET",
    path: "/v1/instances",
    summary: { en: "Instances by id", zh: "按编号列出实例" },
    roles: READERS,
    merges: true,
    query: z.strictObject(paging),
    answers: { 200: pageOf(instance) },
  }),
  readInstance: route({
    method: "GET",
    path: "/v1/instances/:id",
    summary: { en: "One instance", zh: "查看一个实例" },
    roles: READERS,
    params: oneInstance,
    answers: { 200: instance },
  }),
  addInstance: route({
    method: "POST",
    path: "/v1/instances",
    summary: {
      en: "Adds an instance; lives of one subject and meter may not overlap",
      zh: "添加实例；同一主体与计量项的生命周期不得重叠",
    },
    roles: OPERATOR,
    body: z.strictObject({
      instanceId: asked.instanceId,
      product: asked.product,
      meter: asked.meterCode,
      subject: asked.subject,
      opened: asked.wholeSecond("Opened", "开通时间"),
      cycle: optional(asked.cycle),
    }),
    answers: { 200: instance, 201: instance },
  }),
  closeInstance: route({
    method: "POST",
    path: "/v1/instances/:id/close",
    summary: {
      en: "Ends an instance's life, once; now unless a time is given",
      zh: "关闭实例（仅一次），默认为当前时间",
    },
    roles: OPERATOR,
    params: oneInstance,
    body: z.strictObject({ closed: optional(asked.wholeSecond("Closed", "关闭时间")) }).default({}),
    answers: { 200: instance },
  }),
};

const contents = listOf(
  "Contents of a package",
  "套餐包内容",
  z.strictObject({ meter: words.meter, quota: decimal("Quota", "额度", "meter unit") }),
);
const productAnswer = z.strictObject({
  account: words.account,
  productId: words.product,
  mode: word("Selling mode", "销售模式", SELLING_MODES),
  meter: nullable(words.meter),
  cycle: word("Billing cycle", "计费周期", CYCLES),
  resetRule: word("Reset of the quota", "额度重置", RESET_RULES),
  deductionOrder: count("Deduction order", "扣减顺序"),
  frontEndUrl: nullable(text("Front end", "前台地址")),
  adminUrl: nullable(text("Administration", "管理地址")),
  dashboardUrl: nullable(text("Dashboard", "用量看板")),
  contents,
});
const address = (en: string, zh: string) =>
  optional(
    field(
      {
        title: { en, zh },
        right: {
          en: "an http or https address of up to 512 characters",
          zh: "至多 512 个字符的 http 或 https 地址",
        },
      },
      z.url({ protocol: /^https?$/ }).max(512),
    ),
  );
const quota = field(
  { title: { en: "Quota", zh: "额度" } },
  decimalText((quantity) => quantity !== "0"),
);
const askedContents = field(
  {
    title: { en: "Contents of a package", zh: "套餐包内容" },
    right: { en: "a list of {meter, quota}, each meter once", zh: "{meter, quota} 列表，每个计量项一次" },
  },
  z
    .array(z.strictObject({ meter: asked.meterCode, quota }))
    .max(30)
    .refine((items) => new Set(items.map((item) => item.meter)).size === items.length),
);
const ask = <S extends z.ZodType>(en: string, zh: string, right: { en: string; zh: string }, schema: S) =>
  field({ title: { en, zh }, right }, schema);

/** `/v1/products`: what is sold under each product id of the marketplace, and which meter it counts. */
export const products = {
  listProducts: route({
    method: "GET",
    path: "/v1/products",
    summary: { en: "Products by id", zh: "按编号列出产品" },
    roles: READERS,
    merges: true,
    query: z.strictObject(paging),
    answers: { 200: pageOf(productAnswer) },
  }),
  addProduct: route({
    method: "POST",
    path: "/v1/products",
    summary: {
      en: "Adds a product; subscriptions that waited for it open at once",
      zh: "添加产品；此前已售出的实例随即开通",
    },
    roles: OPERATOR,
    body: z.strictObject({
      productId: asked.productId,
      mode: ask("Selling mode", "销售模式", oneOf(SELLING_MODES), z.enum(SELLING_MODES)),
      meter: optional(asked.meterCode),
      cycle: optional(asked.cycle),
      resetRule: optional(ask("Reset of the quota", "额度重置", oneOf(RESET_RULES), z.enum(RESET_RULES))),
      deductionOrder: optional(
        ask(
          "Deduction order",
          "扣减顺序",
          { en: "a whole number from 0 to 1000", zh: " 0 至 1000 的整数" },
          z.int().min(0).max(1_000),
        ),
      ),
      frontEndUrl: address("Front end", "前台地址"),
      adminUrl: address("Administration", "管理地址"),
      dashboardUrl: address("Dashboard", "用量看板"),
      contents: optional(askedContents),
    }),
    answers: { 200: productAnswer, 201: productAnswer },
  }),
};

const sourceAnswer = z.strictObject({
  source: words.source,
  expected: listOf(
    "Expected every hour",
    "每小时须收到",
    z.strictObject({ meter: nullable(words.meter), since: time("Since", "自") }),
  ),
  lastHeard: nullable(time("Last heard (hour)", "最近收到（小时）")),
});

/** `/v1/sources`: who sends the seller's usage, and which sources every hour must hear from. */
export const sources = {
  listSources: route({
    method: "GET",
    path: "/v1/sources",
    summary: { en: "All sources", zh: "全部来源" },
    roles: READERS,
    answers: { 200: wholeListOf(sourceAnswer) },
  }),
  expectSource: route({
    method: "POST",
    path: "/v1/sources",
    summary: {
      en: "From now on, an hour in which this source was not heard is incomplete",
      zh: "自此刻起，未收到该来源用量的小时视为不完整",
    },
    roles: OPERATOR,
    body: z.strictObject({ source: asked.source, meter: optional(asked.meterCode) }),
    answers: { 201: sourceAnswer },
  }),
};

const key = {
  id: text("Key", "密钥"),
  name: text("Name", "名称"),
  role: word("Role", "角色", KEY_ROLES),
  sources: nullable(listOf("Limited to sources", "限于来源", words.source)),
  accounts: nullable(listOf("Limited to accounts", "限于账户", words.account)),
  createdAt: time("Created", "创建时间"),
  revokedAt: nullable(time("Revoked", "吊销时间")),
};

/** `/v1/keys`: API keys. A token is shown once, when its key is made; only its hash is stored. */
export const keys = {
  listKeys: route({
    method: "GET",
    path: "/v1/keys",
    summary: { en: "All keys, without their tokens", zh: "全部密钥（不含令牌）" },
    roles: READERS,
    answers: { 200: wholeListOf(z.strictObject(key)) },
  }),
  createKey: route({
    method: "POST",
    path: "/v1/keys",
    summary: { en: "Makes a key; its token is answered once", zh: "创建密钥；令牌只返回一次" },
    roles: OPERATOR,
    body: z.strictObject({
      name: asked.plain("Name", "名称", 64),
      role: asked.role,
      sources: optional(asked.keySources),
      accounts: optional(asked.keyAccounts),
    }),
    answers: { 201: z.strictObject({ ...key, token: text("Token", "令牌") }) },
  }),
  revokeKey: route({
    method: "DELETE",
    path: "/v1/keys/:id",
    summary: {
      en: "Revokes a key: it stops working within two seconds",
      zh: "吊销密钥：两秒内处处失效",
    },
    roles: OPERATOR,
    params: z.strictObject({ id: asked.keyId }),
    answers: { 204: NOTHING },
  }),
};

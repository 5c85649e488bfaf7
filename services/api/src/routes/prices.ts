import { MINUTE, planProblem } from "@quarterpast/domain";
import { addPlan, listPlans, readRevenue, type StoredPlan } from "@quarterpast/store";
import { z } from "zod";
import * as fields from "../fields.js";
import * as finance from "../financeFields.js";
import { iso, page } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../server.js";
import type { Routes } from "../validate.js";
import { unknownMeter } from "./instances.js";

const newPlan = z.strictObject({
  product: fields.product(),
  meter: fields.meterCode(),
  validFrom: fields.wholeSecond(),
  model: finance.priceModel(),
  currency: finance.currency(),
  period: finance.pricePeriod(),
  free: finance.optionalDecimal(),
  bands: finance.bands(),
});
const listing = z.strictObject({
  product: finance.optionalProduct(),
  cursor: finance.numberCursor(),
  limit: fields.limit(1_000, 100),
});
const asked = z.strictObject({
  month: finance.month(),
  by: finance.revenueBy(),
  product: finance.optionalProduct(),
  instance: fields.optionalInstanceId(),
  subject: fields.optionalSubject(),
  cursor: finance.textCursor(finance.ANY_TEXT, finance.ANY_TEXT),
  limit: fields.limit(1_000, 100),
});

/** `/v1/prices`: what usage costs, and from when on; `/v1/revenue`: what a month is expected to bring in. */
export function addPrices(routes: Routes, { pool, clock, account, profile }: RouteDeps): void {
  const { accountNo, code } = account;

  routes.get("/prices", { schema: { querystring: listing } }, async ({ query }) => {
    const { product, cursor: after = 0, limit } = query;
    const read = await listPlans(pool, accountNo, { product, after, limit: limit + 1 });
    return page(read, limit, planToApi, ({ planId }) => String(planId));
  });

  routes.post("/prices", { schema: { body: newPlan } }, async ({ body, apiKey }, reply) => {
    const dayOffsetMinutes = profile.windows.dayOffset / MINUTE;
    const plan = { ...body, free: body.free ?? "0", dayOffsetMinutes };
    const problem = planProblem(plan);
    if (problem !== undefined) throw noPlan(problem);
    const added = await addPlan(pool, { accountNo, keyId: apiKey.keyId }, plan, clock.now());
    if (added.outcome === "unknown_meter") throw unknownMeter(added.meter);
    return reply.code(added.outcome === "created" ? 201 : 200).send(planToApi(added.plan));
  });

  routes.get("/revenue", { schema: { querystring: asked } }, async ({ query }) => {
    const { month, instance: instanceId, limit, cursor: after = [], ...rest } = query;
    const asked = { ...rest, month: `${month}-01`, instanceId, after, limit: limit + 1 };
    const read = await readRevenue(pool, code, asked);
    return page(
      read,
      limit,
      (revenue) => revenue,
      (row) => finance.encodeCursor(row.key, row.currency ?? ""),
    );
  });
}

function planToApi(plan: StoredPlan) {
  const { planId: id, product, meter, validFrom, model, currency, period, free, bands } = plan;
  return { id, product, meter, validFrom: iso(validFrom), model, currency, period, free, bands };
}

function noPlan(problem: string) {
  const zh: Record<string, string> = {
    "a fixed price has one band": "固定价格只能有一段",
    "the last band must have no end": "最后一段的 upTo 应为 null",
    "the ends of the bands must rise, from above 0": "各段 upTo 应大于 0 且递增",
  };
  return refusal(
    "field_invalid",
    { en: `bands: ${problem}`, zh: `bands：${zh[problem] ?? problem}` },
    { field: "bands" },
  );
}

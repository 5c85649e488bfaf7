import { API, encodeCursor } from "@quarterpast/contract";
import { planProblem } from "@quarterpast/domain";
import { addPlan, listPlans, readRevenue, type StoredPlan } from "@quarterpast/store";
import { iso } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../deps.js";
import { serveList } from "../list.js";
import { serve, type Routes } from "../serve.js";
import { unknownMeter } from "./instances.js";

/** `/v1/prices`: what usage costs, and since when; `/v1/revenue`: the expected revenue of a month. */
export function addPrices(routes: Routes, { pool, clock, account }: RouteDeps): void {
  const { accountNo, code } = account;

  const toApi = (plan: StoredPlan) => ({ account: code, ...planToApi(plan) });

  serveList(routes, API.listPrices, {
    read: ({ product, after = 0, limit }) => listPlans(pool, accountNo, { product, after, limit }),
    toApi,
    cursorOf: ({ planId }) => String(planId),
    keyOf: ({ planId }) => [planId],
  });

  serve(routes, API.addPrice, async ({ body, apiKey }, reply) => {
    const plan = { ...body, free: body.free ?? "0" };
    const problem = planProblem(plan);
    if (problem !== undefined) throw noPlan(problem);
    const added = await addPlan(pool, { accountNo, keyId: apiKey.keyId }, plan, clock.now());
    if (added.outcome === "unknown_meter") throw unknownMeter(added.meter);
    return reply.code(added.outcome === "created" ? 201 : 200).send(toApi(added.plan));
  });

  serveList(routes, API.readRevenue, {
    read: ({ month, instance: instanceId, after = [], ...rest }) =>
      readRevenue(pool, code, { ...rest, month: `${month}-01`, instanceId, after }),
    toApi: (row) => ({ account: code, ...row }),
    cursorOf: (row) => encodeCursor(row.key, row.currency ?? ""),
    keyOf: (row) => [row.key, row.currency ?? ""],
  });
}

function planToApi(plan: StoredPlan) {
  const { planId: id, product, meter, validFrom, model, currency, period, free, bands } = plan;
  return { id, product, meter, validFrom: iso(validFrom), model, currency, period, free, bands: [...bands] };
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

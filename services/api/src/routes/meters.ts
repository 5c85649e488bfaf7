import { API } from "@quarterpast/contract";
import { DEFAULT_SCALE, type Aggregation, type Meter } from "@quarterpast/domain";
import { ensureMeter, listMeters, raiseScale } from "@quarterpast/store";
import { meterToApi } from "../present.js";
import { refusal } from "../refuse.js";
import { asSeller } from "../seller.js";
import type { RouteDeps } from "../deps.js";
import { serve, type Routes } from "../serve.js";
import { unknownMeter } from "./instances.js";

/** `/v1/meters`: what is counted and how. A meter never changes, except that it may get more decimals. */
export function addMeters(routes: Routes, { pool, clock }: RouteDeps): void {
  serve(routes, API.listMeters, async () => ({
    items: (await listMeters(pool)).map(meterToApi),
    next: null,
  }));

  serve(routes, API.addMeter, async ({ body }, reply) => {
    const wanted: Meter = {
      scale: defaultScale(body.aggregation),
      unit: defaultUnit(body.aggregation),
      ...body,
    };
    const { meter, created } = await ensureMeter(pool, wanted, clock.now());
    const isSame =
      meter.aggregation === wanted.aggregation && meter.unit === wanted.unit && meter.scale === wanted.scale;
    if (!created && !isSame) {
      const { code } = meter;
      const values = `${meter.aggregation}, ${meter.unit}, scale ${meter.scale}`;
      throw refusal("already_exists", {
        en: `Meter ${code} exists as ${values}, and a meter never changes: choose another code`,
        zh: `计量项 ${code} 已存在（${values}），且不可更改：请换用其他代码`,
      });
    }
    return reply.code(created ? 201 : 200).send(meterToApi(meter));
  });

  serve(routes, API.rescaleMeter, async (request) => {
    const { code } = request.params;
    const wanted = request.body.scale;
    // A meter is the seller's: other accounts use it too.
    const found = await raiseScale(pool, asSeller(request), code, wanted, clock.now());
    if (!found) throw unknownMeter(code);
    const { meter } = found;
    if (meter.scale === wanted) return meterToApi(meter);
    throw refusal("state_forbids", {
      en: `Meter ${code} has ${meter.scale} decimals: it may have more, never fewer than what is counted has`,
      zh: `计量项 ${code} 已有 ${meter.scale} 位小数：只能增加，不能减少`,
    });
  });
}

const isCounted = (how: Aggregation) => how === "count" || how === "unique";
const defaultUnit = (how: Aggregation) => (isCounted(how) ? "count" : "unit");
const defaultScale = (how: Aggregation) => (isCounted(how) ? 0 : DEFAULT_SCALE);

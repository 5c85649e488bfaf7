import { DEFAULT_SCALE, type Aggregation, type Meter } from "@quarterpast/domain";
import { ensureMeter, listMeters } from "@quarterpast/store";
import { z } from "zod";
import { aggregation, meterCode, scale, unit } from "../fields.js";
import { meterToApi } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../server.js";
import type { Routes } from "../validate.js";

const newMeter = z.strictObject({
  code: meterCode(),
  aggregation: aggregation(),
  unit: unit(),
  scale: scale(),
});

/** `GET /v1/meters`, `POST /v1/meters`: what is counted and how. A meter never changes. */
export function addMeters(routes: Routes, { pool, clock }: RouteDeps): void {
  routes.get("/meters", async () => ({ items: (await listMeters(pool)).map(meterToApi), next: null }));

  routes.post("/meters", { schema: { body: newMeter } }, async ({ body }, reply) => {
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
        en: `Meter ${code} is there as ${values}, and a meter never changes: choose another code`,
        zh: `计量项 ${code} 已存在（${values}），且不可更改：请换用其他代码`,
      });
    }
    return reply.code(created ? 201 : 200).send(meterToApi(meter));
  });
}

const isCounted = (how: Aggregation) => how === "count" || how === "unique";
const defaultUnit = (how: Aggregation) => (isCounted(how) ? "count" : "unit");
const defaultScale = (how: Aggregation) => (isCounted(how) ? 0 : DEFAULT_SCALE);

import type { ApiClient } from "@quarterpast/contract";
import { floorSecond, formatInstant, type Micros } from "@quarterpast/domain";
import { INSTANCES, METERS } from "./catalog.js";

/** Adds missing meters and instances of the sample through the api. @param opened when their lives begin. */
export async function registerSample(api: ApiClient, opened: Micros): Promise<void> {
  for (const meter of METERS) await api.addMeter({ body: meter });
  for (const { instanceId, product, subject, meter } of INSTANCES) {
    const life = { opened: formatInstant(floorSecond(opened)), cycle: "hourly" } as const;
    await api.addInstance({ body: { instanceId, product, subject, meter: meter.code, ...life } });
  }
}

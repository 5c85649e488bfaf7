import { floorSecond, formatInstant, type Micros } from "@quarterpast/domain";
import type { Api } from "../api.js";
import { INSTANCES, METERS } from "./catalog.js";

/** Makes the sample's meters and instances through the api, where they are missing. @param opened when their lives begin. */
export async function registerSample(api: Api, opened: Micros): Promise<void> {
  for (const meter of METERS) await api.post("/v1/meters", meter);
  for (const { instanceId, product, subject, meter } of INSTANCES) {
    const life = { opened: formatInstant(floorSecond(opened)), cycle: "hourly" };
    await api.post("/v1/instances", { instanceId, product, subject, meter: meter.code, ...life });
  }
}

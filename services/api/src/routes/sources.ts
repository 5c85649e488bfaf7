import { expectSource, listMeters, listSources } from "@quarterpast/store";
import { z } from "zod";
import { optionalMeterCode, source } from "../fields.js";
import { sourceToApi } from "../present.js";
import type { RouteDeps } from "../server.js";
import type { Routes } from "../validate.js";
import { unknownMeter } from "./instances.js";

const expected = z.strictObject({ source: source(), meter: optionalMeterCode() });

/** `/v1/sources`: who sends usage, and from whom every hour must hear. */
export function addSources(routes: Routes, { pool, clock, account: { accountNo } }: RouteDeps): void {
  routes.get("/sources", async () => ({
    items: (await listSources(pool, accountNo)).map(sourceToApi),
    next: null,
  }));

  routes.post("/sources", { schema: { body: expected } }, async ({ body }, reply) => {
    const { source, meter = "" } = body;
    if (meter !== "" && !(await listMeters(pool)).some(({ code }) => code === meter))
      throw unknownMeter(meter);
    await expectSource(pool, accountNo, { source, meter, since: clock.now() });
    const known = (await listSources(pool, accountNo)).find((one) => one.source === source)!;
    return reply.code(201).send(sourceToApi(known));
  });
}

import { API } from "@quarterpast/contract";
import { expectSource, listMeters, listSources } from "@quarterpast/store";
import { sourceToApi } from "../present.js";
import type { RouteDeps } from "../server.js";
import { serve, type Routes } from "../serve.js";
import { unknownMeter } from "./instances.js";

/** `/v1/sources`: who sends usage, and from whom every hour must hear. */
export function addSources(routes: Routes, { pool, clock, account: { accountNo } }: RouteDeps): void {
  serve(routes, API.listSources, async () => ({
    items: (await listSources(pool, accountNo)).map(sourceToApi),
    next: null,
  }));

  serve(routes, API.expectSource, async ({ body }, reply) => {
    const { source, meter = "" } = body;
    if (meter !== "" && !(await listMeters(pool)).some(({ code }) => code === meter))
      throw unknownMeter(meter);
    await expectSource(pool, accountNo, { source, meter, since: clock.now() });
    const known = (await listSources(pool, accountNo)).find((one) => one.source === source)!;
    return reply.code(201).send(sourceToApi(known));
  });
}

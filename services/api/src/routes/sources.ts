import { API } from "@quarterpast/contract";
import { expectSource, listMeters, listSources } from "@quarterpast/store";
import { sourceToApi } from "../present.js";
import { asSeller } from "../seller.js";
import type { RouteDeps } from "../deps.js";
import { serve, type Routes } from "../serve.js";
import { unknownMeter } from "./instances.js";

/** `/v1/sources`: who sends the seller's usage, and which sources every hour must hear from. */
export function addSources(routes: Routes, { pool, clock }: RouteDeps): void {
  serve(routes, API.listSources, async (request) => {
    asSeller(request);
    return { items: (await listSources(pool)).map(sourceToApi), next: null };
  });

  serve(routes, API.expectSource, async (request, reply) => {
    asSeller(request);
    const { body } = request;
    const { source, meter = "" } = body;
    if (meter !== "" && !(await listMeters(pool)).some(({ code }) => code === meter))
      throw unknownMeter(meter);
    await expectSource(pool, { source, meter, since: clock.now() });
    const known = (await listSources(pool)).find((one) => one.source === source)!;
    return reply.code(201).send(sourceToApi(known));
  });
}

import { API } from "@quarterpast/contract";
import { openApiOf, type OpenApi } from "@quarterpast/contract/openapi";
import { readClock } from "@quarterpast/store";
import { iso } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../deps.js";
import { serve, type Routes } from "../serve.js";

/** `/v1/stack`: what runs where, and the product's clock, for any role; `/v1/openapi.json`: what may be asked. */
export function addStack(routes: Routes, { pool, clock, addresses, version }: RouteDeps): void {
  serve(routes, API.readStack, async () => {
    const anchor = await readClock(pool);
    if (!anchor) throw refusal("unavailable", { en: "The clock has not been set yet", zh: "时钟尚未设置" });
    const { productAnchor, realAnchor, rate } = anchor;
    return {
      version,
      ...addresses,
      clock: { start: iso(productAnchor), at: iso(realAnchor), rate, now: iso(clock.now()) },
    };
  });

  let document: OpenApi | undefined;
  serve(
    routes,
    API.readOpenApi,
    async () => (document ??= openApiOf(API, { title: "quarterpast api", version })),
  );
}

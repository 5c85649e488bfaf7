import { listDifferences } from "@quarterpast/store";
import { z } from "zod";
import { limit } from "../fields.js";
import { differenceToApi } from "../present.js";
import type { RouteDeps } from "../server.js";
import type { Routes } from "../validate.js";

const paging = z.strictObject({ limit: limit(1_000, 100) });

/** `GET /v1/differences`: ours against the marketplace's statements; those that stand first. */
export function addDifferences(routes: Routes, { pool }: RouteDeps): void {
  routes.get("/differences", { schema: { querystring: paging } }, async ({ query }) => ({
    items: (await listDifferences(pool, query.limit)).map(differenceToApi),
    next: null,
  }));
}

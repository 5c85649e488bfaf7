import { QUARANTINE_REASONS } from "@quarterpast/domain";
import { countQuarantine } from "@quarterpast/store";
import { z } from "zod";
import { limit } from "../fields.js";
import { iso } from "../present.js";
import type { RouteDeps } from "../server.js";
import type { Routes } from "../validate.js";

const paging = z.strictObject({ limit: limit(1_000, 100) });

/** `GET /v1/quarantine`: events that wait for their binding, by reason, subject and meter; most events first. */
export function addQuarantine(routes: Routes, { pool }: RouteDeps): void {
  routes.get("/quarantine", { schema: { querystring: paging } }, async ({ query }) => {
    const waiting = await countQuarantine(pool, query.limit);
    const items = waiting.map((row) => ({
      ...row,
      why: QUARANTINE_REASONS[row.reason],
      since: iso(row.since),
    }));
    return { items, next: null };
  });
}

import { explainFinding } from "@quarterpast/domain";
import { listFindings, type Finding } from "@quarterpast/store";
import { z } from "zod";
import { cursor, limit } from "../fields.js";
import { flag } from "../importFields.js";
import { iso, page } from "../present.js";
import type { RouteDeps } from "../server.js";
import type { Routes } from "../validate.js";

const paging = z.strictObject({ all: flag(), cursor: cursor(), limit: limit(1_000, 100) });

/** `GET /v1/findings`: every difference, of quantities and of money: its cause, the money at stake, what to do. */
export function addFindings(routes: Routes, { pool, account, adapter }: RouteDeps): void {
  const toApi = (finding: Finding) => ({
    ...finding,
    since: iso(finding.since),
    foundAt: iso(finding.foundAt),
    resolvedAt: finding.resolvedAt === null ? null : iso(finding.resolvedAt),
    ...explainFinding(finding, finding.code === null ? undefined : adapter.meaningOf(finding.code)),
  });
  routes.get("/findings", { schema: { querystring: paging } }, async ({ query }) => {
    const { all, cursor: after = "", limit: most } = query;
    const read = await listFindings(pool, account.code, { standing: !all, after, limit: most + 1 });
    return page(read, most, toApi, ({ id }) => id);
  });
}

import { readExport, summarize } from "@quarterpast/store";
import { z } from "zod";
import { csvLines, jsonLines } from "../exportRows.js";
import { exportFormat, exportLanguage, hourStart, optionalName } from "../proofFields.js";
import type { RouteDeps } from "../server.js";
import { streamOf } from "../stream.js";
import type { Routes } from "../validate.js";

const wanted = z.strictObject({
  from: hourStart(),
  to: hourStart(),
  product: optionalName(),
  subject: optionalName(),
  format: exportFormat(),
  lang: exportLanguage(),
});
const span = z.strictObject({ from: hourStart(), to: hourStart() });

/** `/v1/exports/records`, streamed; `/v1/summary`: the totals of a span as the manifests sign them. */
export function addExports(routes: Routes, { pool, account }: RouteDeps): void {
  routes.get("/exports/records", { schema: { querystring: wanted } }, async ({ query }, reply) => {
    const { format, lang, ...filter } = query;
    const rows = readExport(pool, { accountNo: account.accountNo, ...filter });
    if (format === "ndjson") return reply.type("application/x-ndjson").send(streamOf(jsonLines(rows)));
    return reply.type("text/csv; charset=utf-8").send(streamOf(csvLines(rows, lang)));
  });

  routes.get("/summary", { schema: { querystring: span } }, async ({ query }) => ({
    items: await summarize(pool, { accountNo: account.accountNo, ...query }),
  }));
}

import { readExport, summarize, summarizeDays } from "@quarterpast/store";
import { z } from "zod";
import { csvHeader } from "../exportRows.js";
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

/**
 * `/v1/exports/records`, streamed; `/v1/summary`: the totals of a span as the manifests sign them;
 * `/v1/summary/days`: by day and present state. */
export function addExports(routes: Routes, { pool, account, profile }: RouteDeps): void {
  routes.get("/exports/records", { schema: { querystring: wanted } }, async ({ query }, reply) => {
    const { format, lang, ...filter } = query;
    const lines = readExport(pool, { accountNo: account.accountNo, ...filter }, format);
    if (format === "ndjson") return reply.type("application/x-ndjson").send(streamOf(lines));
    return reply.type("text/csv; charset=utf-8").send(streamOf(after([csvHeader(lang)], lines)));
  });

  routes.get("/summary", { schema: { querystring: span } }, async ({ query }) => ({
    items: await summarize(pool, { accountNo: account.accountNo, ...query }),
  }));

  routes.get("/summary/days", { schema: { querystring: span } }, async ({ query }) => {
    const { dayOffset } = profile.windows;
    return { items: await summarizeDays(pool, { accountNo: account.accountNo, ...query, dayOffset }) };
  });
}

async function* after(first: string[], rest: AsyncGenerator<string[]>): AsyncGenerator<string[]> {
  yield first;
  yield* rest;
}

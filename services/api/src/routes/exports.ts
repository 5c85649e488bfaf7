import { API } from "@quarterpast/contract";
import { readExport, summarize, summarizeDays } from "@quarterpast/store";
import { csvHeader } from "../exportRows.js";
import type { RouteDeps } from "../deps.js";
import { spanOf } from "../toldPeriod.js";
import { streamOf } from "../stream.js";
import { serve, type Routes } from "../serve.js";

/**
 * `/v1/exports/records`, streamed; `/v1/summary`: the signed totals of a span; `/v1/summary/days`: totals by day and
 * present state.
 */
export function addExports(routes: Routes, { pool, account }: RouteDeps): void {
  serve(routes, API.exportRecords, async ({ query }, reply) => {
    const { format, lang, product, subject, ...hours } = query;
    const filter = { accountNo: account.accountNo, ...spanOf(account, hours), product, subject };
    const lines = readExport(pool, filter, format);
    if (format === "ndjson") return reply.type("application/x-ndjson").code(200).send(streamOf(lines));
    return reply
      .type("text/csv; charset=utf-8")
      .code(200)
      .send(streamOf(after([csvHeader(lang)], lines)));
  });

  serve(routes, API.summarize, async ({ query }) => ({
    items: await summarize(pool, { accountNo: account.accountNo, ...spanOf(account, query) }),
  }));

  serve(routes, API.summarizeDays, async ({ query }) => ({
    items: await summarizeDays(pool, { accountNo: account.accountNo, ...spanOf(account, query) }),
  }));
}

async function* after(first: string[], rest: AsyncGenerator<string[]>): AsyncGenerator<string[]> {
  yield first;
  yield* rest;
}

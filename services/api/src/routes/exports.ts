import { API } from "@quarterpast/contract";
import { readExport, summarize, summarizeDays, type Account } from "@quarterpast/store";
import { csvHeader } from "../exportRows.js";
import type { RouteDeps } from "../deps.js";
import { spanOf } from "../toldPeriod.js";
import { streamOf } from "../stream.js";
import { serveMerged, type OwnPart, type Routes } from "../serve.js";

/**
 * `/v1/exports/records`, streamed, one account after the other; `/v1/summary`: the totals of a span as the manifests sign them;
 * `/v1/summary/days`: by day and present state. */
export function addExports(routes: Routes, { pool, account }: RouteDeps): void {
  serveMerged(routes, API.exportRecords, account, async (parts, { query }, reply) => {
    const { format, lang, product, subject } = query;
    const filters = parts.map(({ own }) => ({ ...spanIn(own, query), product, subject }));
    const lines = allOf(filters.map((filter) => () => readExport(pool, filter, format)));
    if (format === "ndjson") return reply.type("application/x-ndjson").code(200).send(streamOf(lines));
    return reply
      .type("text/csv; charset=utf-8")
      .code(200)
      .send(streamOf(after([csvHeader(lang)], lines)));
  });

  serveMerged(routes, API.summarize, account, async (parts, { query }) => ({
    items: await eachOf(parts, (own) => summarize(pool, spanIn(own, query))),
  }));

  serveMerged(routes, API.summarizeDays, account, async (parts, { query }) => ({
    items: await eachOf(parts, (own) => summarizeDays(pool, spanIn(own, query))),
  }));
}

/** A span of hours of one account: its month is that of its own marketplace. */
const spanIn = (account: Account, asked: Parameters<typeof spanOf>[1]) => ({
  accountNo: account.accountNo,
  ...spanOf(account, asked),
});

/** What is read of each account, with its code, in the order of the accounts. */
async function eachOf<T extends object>(
  parts: readonly OwnPart<Account>[],
  read: (account: Account) => Promise<T[]>,
): Promise<(T & { account: string })[]> {
  const all = await Promise.all(
    parts.map(async ({ account, own }) => (await read(own)).map((row) => ({ account, ...row }))),
  );
  return all.flat();
}

async function* allOf(readers: readonly (() => AsyncGenerator<string[]>)[]): AsyncGenerator<string[]> {
  for (const read of readers) yield* read();
}

async function* after(first: string[], rest: AsyncGenerator<string[]>): AsyncGenerator<string[]> {
  yield first;
  yield* rest;
}

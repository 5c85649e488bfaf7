import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import type { ProductClock } from "../clock.js";
import type { Book } from "../ledger/book.js";
import type { CallLog } from "../ledger/calls.js";
import type { Site } from "../options.js";
import { csvOf, ndjsonOf } from "../views/csv.js";
import { listQuery, pageOf, rowOf } from "../views/list.js";
import { renderPage, STYLE } from "../views/page.js";
import { totalsOf } from "../views/totals.js";

const PAGE_ROWS = 100;
const JSON_ROWS = 1000;
const totalsQuery = z.strictObject({ by: z.enum(["instance", "hour"]).default("instance") });
const callsQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(100) });

export type ViewParts = { book: Book; calls: CallLog; clock: ProductClock; site: Site };

/** Adds the marketplace's views: SDR list, totals, calls, and the page for people. */
export function addViews(app: FastifyInstance, { book, calls, clock, site }: ViewParts): void {
  app.get("/healthz/live", () => ({ status: "ok" }));
  app.get("/healthz/ready", () => ({ status: "ok" }));

  app.get("/sandbox/sdr", (request, reply) => {
    const query = listQuery.parse(request.query);
    const page = pageOf(book.entries(), query, query.format === "json" ? JSON_ROWS : Infinity);
    if (query.format === "csv") {
      reply.header("content-disposition", 'attachment; filename="sdr.csv"');
      return reply.type("text/csv; charset=utf-8").send(csvOf(page, query.lang));
    }
    if (query.format === "ndjson") return reply.type("application/x-ndjson").send(ndjsonOf(page));
    const { entries, ...end } = page;
    return reply.send({ records: entries.map((entry) => rowOf(entry, query.lang)), ...end });
  });

  app.get("/sandbox/totals", ({ query }) => ({
    ...totalsOf(book.entries(), totalsQuery.parse(query).by),
    complete: true,
  }));
  app.get("/sandbox/calls", ({ query }) => ({ calls: calls.recent(callsQuery.parse(query).limit) }));
  app.get("/sandbox/style.css", (_request, reply) => reply.type("text/css; charset=utf-8").send(STYLE));

  app.get("/", (request, reply) => {
    const lang = languageOf(request, site);
    const latest = [...book.entries()].slice(-PAGE_ROWS).reverse();
    const body = renderPage({
      lang,
      site,
      now: clock.now(),
      rows: latest.map((entry) => rowOf(entry, lang)),
      recordCount: book.size(),
      totals: totalsOf(book.entries(), "hour"),
    });
    return reply
      .headers({
        "content-security-policy":
          "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'",
        "x-content-type-options": "nosniff",
        vary: "accept-language",
      })
      .type("text/html; charset=utf-8")
      .send(body);
  });
}

/** `?lang`, else the first of zh and en that the browser accepts, else the site's. */
function languageOf(request: FastifyRequest, site: Site): "zh" | "en" {
  const { lang } = request.query as { lang?: unknown };
  if (lang === "zh" || lang === "en") return lang;
  const accepted = /\b(zh|en)\b/i.exec(request.headers["accept-language"] ?? "")?.[1]?.toLowerCase();
  if (accepted === "zh" || accepted === "en") return accepted;
  return site === "cn" ? "zh" : "en";
}

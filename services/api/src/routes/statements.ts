import { parseStatementFile, versionsNamedBySlot, type StatementFormat } from "@quarterpast/marketplace";
import { takeStatement, valueFindings } from "@quarterpast/store";
import { z } from "zod";
import { optionalHour, optionalInstant, statementName } from "../fields.js";
import { problemToApi, unreadable } from "../statementProblems.js";
import type { RouteDeps } from "../server.js";
import { refuseOutside, toldPeriod } from "../toldPeriod.js";
import { field, type Routes } from "../validate.js";

const FORMATS: Record<string, StatementFormat> = {
  "text/csv": "csv",
  "application/json": "json",
  "application/x-ndjson": "ndjson",
};
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;
const PROBLEMS_TOLD = 20;

const query = z.strictObject({
  /** The name of the file. */
  source: statementName(),
  /** Product time of the export: records accepted later cannot be in it. */
  asked: optionalInstant(),
  from: optionalHour(),
  to: optionalHour(),
});
const text = field({ en: "an exported list of bill records", zh: "导出的话单列表" }, z.string().min(1));

/** `POST /v1/statements`: an exported list of bill records; answers with what it settled and what differs. */
export function addStatements(routes: Routes, { pool, clock, account, profile }: RouteDeps): void {
  routes.register(async (scope: Routes) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(Object.keys(FORMATS), { parseAs: "string" }, (_request, body, done) =>
      done(null, body),
    );

    const options = {
      bodyLimit: BODY_LIMIT_BYTES,
      config: { consumes: Object.keys(FORMATS) },
      schema: { querystring: query, body: text },
    };
    scope.post("/statements", options, async (request, reply) => {
      const now = clock.now();
      const { source = "file", asked = now } = request.query;
      const format = FORMATS[request.headers["content-type"]!.split(";")[0]!.trim().toLowerCase()];
      const { lines, complete, problems } = parseStatementFile(request.body, format);
      const told = problems.slice(0, PROBLEMS_TOLD).map(problemToApi);
      if (lines.length === 0 && problems.length > 0) throw unreadable(problems);
      const range = toldPeriod(request.query);
      refuseOutside(range, lines);
      const reconciled = await takeStatement(
        pool,
        {
          accountNo: account.accountNo,
          source,
          complete,
          askedAt: Math.min(asked, now),
          range,
          lines,
          duplicateCodes: profile.duplicateCodes,
          namedBySlot: versionsNamedBySlot(profile),
        },
        now,
      );
      while ((await valueFindings(pool, account.accountNo, now)) > 0);
      return reply.code(201).send({ ...reconciled, unreadable: problems.length, problems: told });
    });
  });
}

import { formatInstant, readJson, type Micros } from "@quarterpast/domain";
import type { Dispatcher } from "undici";
import type { Endpoint } from "../http/endpoint.js";
import { exchange } from "../http/exchange.js";
import type { CallTimeouts } from "../retry.js";
import { jsonPageOf, rowsOfRecords, type JsonPage } from "../statement/json.js";
import type { Statement, StatementProblem } from "../statement/line.js";
import { problemAt, statementOf, type Row } from "../statement/rows.js";

const PAGE_RECORDS = 1000;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

export interface StatementSource {
  dispatcher: Dispatcher;
  timeouts: CallTimeouts;
  endpoint: Endpoint;
  path: string;
}

/**
 * Reads an SDR list page by page and keeps what begins in [from, to). Never rejects: what could not be read makes it
 * incomplete, with the problem named.
 */
export async function fetchStatement(
  source: StatementSource,
  from: Micros,
  to: Micros,
  signal: AbortSignal | undefined,
): Promise<Statement> {
  const rows: Row[] = [];
  const problems: StatementProblem[] = [];
  const seen = new Set<string>();
  let cursor = "";
  let count = 0;
  for (;;) {
    seen.add(cursor);
    const query = { from: formatInstant(from), to: formatInstant(to), ...(cursor !== "" && { cursor }) };
    const page = await fetchPage(source, query, signal);
    if (typeof page === "string")
      return statementFrom(rows, false, [...problems, unreadable(page)], from, to);
    const read = rowsOfRecords(page.records, count + 1);
    for (const row of read.rows) rows.push(row);
    problems.push(...read.problems);
    count += page.records.length;
    if (page.nextCursor === undefined) {
      const isWhole = page.complete && (page.total ?? count) === count;
      return statementFrom(rows, isWhole, problems, from, to);
    }
    if (seen.has(page.nextCursor)) {
      const problem = problemAt(
        0,
        "nextCursor",
        page.nextCursor,
        "a cursor not seen before",
        "未出现过的游标",
      );
      return statementFrom(rows, false, [...problems, problem], from, to);
    }
    cursor = page.nextCursor;
  }
}

function statementFrom(
  rows: Row[],
  complete: boolean,
  problems: StatementProblem[],
  from: Micros,
  to: Micros,
) {
  const statement = statementOf(rows, complete, problems);
  return { ...statement, lines: statement.lines.filter(({ begin }) => from <= begin && begin < to) };
}

/** A page, or why there is none. */
async function fetchPage(
  { dispatcher, timeouts, endpoint, path }: StatementSource,
  span: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<JsonPage | string> {
  const query = new URLSearchParams({ format: "json", limit: String(PAGE_RECORDS), ...span });
  const result = await exchange(dispatcher, {
    origin: endpoint.origin,
    path: `${endpoint.basePath}${path}?${query.toString()}`,
    method: "GET",
    headers: { accept: "application/json" },
    headersMs: timeouts.headersMs,
    totalMs: timeouts.totalMs,
    maxReplyBytes: MAX_PAGE_BYTES,
    signal,
  });
  if (result.kind !== "reply") return `${result.code} ${result.detail}`;
  if (result.status !== 200) return `HTTP ${result.status}`;
  const read = readJson(result.body.toString("utf8"));
  if (!read.ok) return read.problem.detail;
  return jsonPageOf(read.value) ?? "no list of records in the reply";
}

function unreadable(why: string): StatementProblem {
  return problemAt(0, "page", why, "an answer with a list of records", "包含话单列表的响应");
}

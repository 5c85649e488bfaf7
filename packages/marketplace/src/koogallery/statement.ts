import { formatInstant, readJson, type Micros } from "@quarterpast/domain";
import type { Dispatcher } from "undici";
import type { Endpoint } from "../http/endpoint.js";
import { exchange } from "../http/exchange.js";
import type { CallTimeouts } from "../retry.js";
import { jsonPageOf, tableOfRecords, type JsonPage } from "../table/json.js";
import { listOf, type Statement } from "../table/list.js";
import { problemAt, type ListProblem } from "../table/problem.js";
import { TableError } from "../table/table.js";
import { LISTS } from "./lists.js";

const PAGE_RECORDS = 1000;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

export interface StatementSource {
  dispatcher: Dispatcher;
  timeouts: CallTimeouts;
  endpoint: Endpoint;
  path: string;
}

/**
 * Reads an SDR list page by page and keeps what begins in [from, to). Never rejects: an unreadable part makes it
 * incomplete, with the problem named.
 */
export async function fetchStatement(
  source: StatementSource,
  from: Micros,
  to: Micros,
  signal: AbortSignal | undefined,
): Promise<Statement> {
  const records: unknown[] = [];
  const seen = new Set<string>();
  const end = (isWhole: boolean, problem?: ListProblem) => statementOf(records, isWhole, problem, from, to);
  let cursor = "";
  for (;;) {
    seen.add(cursor);
    const query = { from: formatInstant(from), to: formatInstant(to), ...(cursor !== "" && { cursor }) };
    const page = await fetchPage(source, query, signal);
    if (typeof page === "string") return end(false, unreadable(page));
    for (const record of page.records) records.push(record);
    const { nextCursor } = page;
    if (nextCursor === undefined)
      return end(page.complete && (page.total ?? records.length) === records.length);
    if (seen.has(nextCursor)) {
      const [en, zh] = ["a cursor not seen before", "未出现过的游标"];
      return end(false, problemAt(0, "nextCursor", nextCursor, en, zh));
    }
    cursor = nextCursor;
  }
}

function statementOf(
  records: readonly unknown[],
  isWhole: boolean,
  problem: ListProblem | undefined,
  from: Micros,
  to: Micros,
): Statement {
  try {
    const numbered = records.map((record, index): [number, unknown] => [index + 1, record]);
    const list = listOf(tableOfRecords(numbered, isWhole), { rules: LISTS, isExact: true });
    return {
      lines: list.lines.filter(({ begin }) => from <= begin && begin < to),
      complete: list.complete && problem === undefined,
      problems: [...list.problems, ...(problem ? [problem] : [])],
    };
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    return { lines: [], complete: false, problems: [unreadable(error.message)] };
  }
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

function unreadable(why: string): ListProblem {
  return problemAt(0, "page", why, "an answer with a list of records", "包含话单列表的响应");
}

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { HOUR, parseCompact } from "@quarterpast/domain";
import { afterEach, describe, expect, test } from "vitest";
import { openMarketplace } from "./open.js";
import { problemText, readListText, type ListFormat, type StatementLine } from "../src/index.js";
import { LISTS } from "../src/koogallery/lists.js";

const T = parseCompact("20231116T180000Z")!;
const row = (index: number, change: object = {}) => ({
  metering_sn: `sn-${index}`,
  instance_id: "i-1",
  begin_time: "20231116T180000Z",
  end_time: "20231116T190000Z",
  usage_value: "12.5000",
  record_time: "20231116T190200Z",
  received_at: "2023-11-16T19:03:00.000Z",
  state: "billed",
  error_code: null,
  collected_at: "2023-11-16T19:15:00.000Z",
  ...change,
});
const LINE: StatementLine = {
  serialNumber: "sn-1",
  instanceId: "i-1",
  begin: T,
  end: T + HOUR,
  quantity: "12.5",
  state: "billed",
  collectedAt: parseCompact("20231116T191500Z")!,
};
const CSV_HEAD =
  "metering_sn,instance_id,begin_time,end_time,usage_value,state,error_code,error_msg,collected_at";
const CSV_ROW = "sn-1,i-1,20231116T180000Z,20231116T190000Z,12.5,billed,,,2023-11-16T19:15:00.000Z";
const CSV_END = "#total,1,,,,,,,";

/** A list as written by the marketplace. */
function parseStatementFile(text: string, format?: ListFormat) {
  const { lines, complete, problems } = readListText(text, { rules: LISTS, isExact: true, format });
  return { lines, complete, problems };
}

describe("an exported SDR list", () => {
  test.each([
    ["json", JSON.stringify({ records: [row(1)], total: 1, complete: true, nextCursor: null })],
    ["json over lines", JSON.stringify({ records: [row(1)], total: 1, complete: true }, null, 2)],
    ["ndjson", `${JSON.stringify(row(1))}\n{"total":1,"complete":true,"nextCursor":null}\n`],
    ["ndjson with CRLF", `${JSON.stringify(row(1))}\r\n{"complete":true}`],
    ["csv", `\ufeff${CSV_HEAD}\r\n${CSV_ROW}\r\n${CSV_END}\r\n`],
    ["tab-separated", `${CSV_HEAD}\n${CSV_ROW}\n${CSV_END}\n`.replaceAll(",", "\t")],
    [
      "Chinese csv",
      `\ufeff话单唯一标识,实例ID,计量开始时间,计量结束时间,使用量,状态,异常码,异常原因,采集时间\n${CSV_ROW.replace("billed", "已出账")}\n${CSV_END}\n`,
    ],
    [
      "English csv",
      `Serial number,Instance ID,Begin,End,Usage,State,Error code,Error,Collected\n${CSV_ROW}\n${CSV_END}\n`,
    ],
  ])("is read from %s", (_, text) => {
    expect(parseStatementFile(text)).toEqual({ lines: [LINE], complete: true, problems: [] });
    expect(parseStatementFile(`\ufeff${text}`)).toMatchObject({ lines: [LINE], complete: true });
  });

  test.each([
    ["a page of several", JSON.stringify({ records: [row(1)], total: 2, complete: false, nextCursor: "1" })],
    ["fewer records than its total", JSON.stringify({ records: [row(1)], total: 2, complete: true })],
    ["a bare list", JSON.stringify([row(1)])],
    ["one record", JSON.stringify(row(1))],
    ["ndjson without its last line", `${JSON.stringify(row(1))}\n`],
    ["ndjson with another count", `${JSON.stringify(row(1))}\n{"total":2,"complete":true}`],
    ["ndjson with records after its end", `{"total":1,"complete":true}\n${JSON.stringify(row(1))}`],
    ["csv without its last line", `${CSV_HEAD}\n${CSV_ROW}\n`],
    ["csv with further pages", `${CSV_HEAD}\n${CSV_ROW}\n#more,1,,,,,,,\n`],
    ["csv with another count", `${CSV_HEAD}\n${CSV_ROW}\n#total,2,,,,,,,\n`],
    ["csv with no count", `${CSV_HEAD}\n${CSV_ROW}\n#total,,,,,,,,\n`],
  ])("that is %s is read, but not complete", (_, text) => {
    expect(parseStatementFile(text)).toEqual({ lines: [LINE], complete: false, problems: [] });
  });

  test("keeps states, codes, and quantities of every spelling", () => {
    const records = [
      row(1, { state: "abnormal", error_code: "003", collected_at: null, usage_value: 7 }),
      row(2, { state: "pending", collected_at: "", usage_value: "007.10" }),
    ];
    const { lines, complete } = parseStatementFile(JSON.stringify({ records, complete: true }));
    expect(complete).toBe(true);
    expect(lines).toMatchObject([
      { state: "abnormal", code: "003", quantity: "7" },
      { state: "pending", quantity: "7.1" },
    ]);
    expect(lines.some((line) => "collectedAt" in line)).toBe(false);
  });

  test("takes off the apostrophe that guards spreadsheets", () => {
    const text = `${CSV_HEAD}\n${CSV_ROW.replace("sn-1,i-1", "'=sn,'-i")}\n${CSV_END}`;
    expect(parseStatementFile(text).lines).toMatchObject([{ serialNumber: "=sn", instanceId: "-i" }]);
  });

  test("reports each wrong value by line, column, value and what would be right", () => {
    const bad = "sn-2,i-1,2023-11-16 18:00,20231116T170000Z,-1,gone,,,soon";
    const { lines, complete, problems } = parseStatementFile(`${CSV_HEAD}\n${CSV_ROW}\n${bad}\n#total,2\n`);
    expect(lines).toEqual([LINE]);
    expect(complete).toBe(false);
    expect(problems.map(({ line, column, value }) => [line, column, value])).toEqual([
      [3, "begin_time", "2023-11-16 18:00"],
      [3, "usage_value", "-1"],
      [3, "state", "gone"],
      [3, "collected_at", "soon"],
    ]);
    expect(problemText(problems[1]!, "en")).toBe('line 3, usage_value "-1": expected a decimal such as 12.5');
    expect(problemText(problems[1]!, "zh")).toBe('第 3 行，usage_value "-1"：应为十进制数，例如 12.5');
  });

  test.each([
    [
      "an end before its begin",
      `${CSV_HEAD}\n${CSV_ROW.replace("T190000Z", "T170000Z")}\n${CSV_END}`,
      "end_time",
    ],
    // Found by the fuzz: seed 20261127, request 35130.
    ["a NUL in an id", `${CSV_HEAD}\n${CSV_ROW.replace("i-1", "i\u0000")}\n${CSV_END}`, "instance_id"],
    ["half a character in an id", JSON.stringify([row(1, { metering_sn: "sn\ud800" })]), "metering_sn"],
    ["a row too short", `${CSV_HEAD}\nsn-1,i-1\n${CSV_END}`, "row"],
    ["a quote left open", `${CSV_HEAD}\n"sn-1,i-1\n`, "file"],
    ["a missing column", `${CSV_HEAD.replace("usage_value", "colour")}\n${CSV_ROW}\n${CSV_END}`, "quantity"],
    ["nothing", "", "serialNumber"],
    ["no SDR list", '{"hello":', "file"],
    ["a broken line", `${JSON.stringify(row(1))}\n{"metering\n{"complete":true}`, "record"],
    ["a record that is none", JSON.stringify({ records: [null], complete: true }), "record"],
    ["a missing field", JSON.stringify({ records: [row(1, { state: undefined })], complete: true }), "state"],
  ])("with %s is never complete", (_, text, column) => {
    const { complete, problems } = parseStatementFile(text);
    expect(complete).toBe(false);
    expect(problems.map((problem) => problem.column)).toContain(column);
    for (const { right } of problems)
      expect([right.en, right.zh].every((words) => words.length > 0)).toBe(true);
  });
});

test.each(["json", "ndjson"] as const)(
  "%s nested too deep is never complete, and the limit is named",
  (format) => {
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    for (const text of [
      deep,
      `{"metering_sn":${deep}}`,
      `[${deep}]`,
      `{"records":[{"metering_sn":${deep}}]}`,
    ]) {
      const { complete, lines, problems } = parseStatementFile(text, format);
      expect([complete, lines]).toEqual([false, []]);
      expect(problems.map((problem) => problemText(problem, "en")).join()).toContain("at most 32 levels");
    }
  },
);

describe("the statement of a marketplace that has one", () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function statementOf(answer: (query: URLSearchParams) => unknown) {
    const queries: URLSearchParams[] = [];
    server = createServer((request, response) => {
      const url = new URL(request.url!, "http://x");
      queries.push(url.searchParams);
      const body = url.pathname === "/sandbox/sdr" ? answer(url.searchParams) : undefined;
      const text = typeof body === "string" ? body : (JSON.stringify(body) ?? "");
      response.writeHead(body === undefined ? 500 : 200).end(text);
    });
    await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
    const adapter = openMarketplace({
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      statementPath: "/sandbox/sdr",
    });
    const statement = await adapter.statement!(T, T + HOUR);
    await adapter.close();
    return { statement, queries };
  }

  test("is read page by page, and holds only what begins in the span", async () => {
    const later = { begin_time: "20231116T190000Z", end_time: "20231116T200000Z" };
    const pages = { "": [row(1)], "7": [row(2), row(3, later)] };
    const { statement, queries } = await statementOf((query) => {
      const cursor = (query.get("cursor") ?? "") as keyof typeof pages;
      return {
        records: pages[cursor],
        total: 3,
        complete: cursor === "7",
        nextCursor: cursor === "" ? "7" : null,
      };
    });
    expect(statement).toMatchObject({ complete: true, problems: [] });
    expect(statement.lines.map((line) => line.serialNumber)).toEqual(["sn-1", "sn-2"]);
    expect(queries.map((query) => [query.get("format"), query.get("cursor"), query.get("from")])).toEqual([
      ["json", null, "2023-11-16T18:00:00Z"],
      ["json", "7", "2023-11-16T18:00:00Z"],
    ]);
  });

  test("is incomplete where a page of it nests too deep, and the limit is named", async () => {
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const { statement } = await statementOf(() => `{"records":[${deep}],"complete":true}`);
    expect(statement).toMatchObject({ complete: false, lines: [] });
    expect(statement.problems[0]!.value).toContain("nested deeper than 32 levels");
  });

  test.each([
    [
      "fails midway",
      (query: URLSearchParams) => (query.has("cursor") ? undefined : { records: [row(1)], nextCursor: "7" }),
    ],
    ["turns in a circle", () => ({ records: [row(1)], nextCursor: "7" })],
    ["brings fewer than it says", () => ({ records: [row(1)], total: 2, complete: true, nextCursor: null })],
    ["does not say that it is whole", () => ({ records: [row(1)], nextCursor: null })],
  ])("is incomplete where it %s", async (_, answer) => {
    const { statement } = await statementOf(answer);
    expect(statement.complete).toBe(false);
    expect(statement.lines[0]).toEqual(LINE);
  });
});

import type { ExportRow } from "@quarterpast/store";
import { parseInstant } from "@quarterpast/domain";
import { expect, test } from "vitest";
import { csvLines, jsonLines } from "../src/exportRows.js";

const at = parseInstant("2026-03-01T10:00:00Z")!;
const row: ExportRow = {
  sn: "b1",
  account: "a",
  product: "p",
  instanceId: "i",
  subject: "s",
  meter: "m",
  unit: "u",
  kind: "usage",
  part: "0",
  hour: at,
  begin: at,
  end: at,
  quantity: "0.0001",
  events: 1,
  state: "billed",
  code: null,
  replaces: null,
  shard: 0,
  seq: 1,
  checksum: "c",
};

async function* rows(...given: Partial<ExportRow>[]): AsyncGenerator<ExportRow[]> {
  yield await Promise.resolve(given.map((each) => ({ ...row, ...each })));
}

async function text(lines: AsyncGenerator<string[]>): Promise<string[]> {
  const all: string[] = [];
  for await (const some of lines) all.push(...some);
  return all.join("\n").split("\n");
}

test("titles are in the language asked for, behind the mark of UTF-8", async () => {
  expect((await text(csvLines(rows(), "en")))[0]).toMatch(/^\uFEFFSerial number,Account,/);
  expect((await text(csvLines(rows(), "zh")))[0]).toMatch(/^\uFEFF序列号,账户,/);
});

test.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1"])("no cell is a formula: %j", async (subject) => {
  const [, line] = await text(csvLines(rows({ subject }), "en"));
  expect(line).toContain(`,'${subject},`);
});

test("what would break a line or a cell is quoted", async () => {
  const [, line] = await text(csvLines(rows({ subject: 'a "b", c' }), "en"));
  expect(line).toContain(',"a ""b"", c",');
});

test("quantities stay the decimal texts they are", async () => {
  const quantity = "999999999999.0001";
  expect((await text(csvLines(rows({ quantity }), "en")))[1]).toContain(`,${quantity},`);
  expect(JSON.parse((await text(jsonLines(rows({ quantity }))))[0]!)).toMatchObject({ quantity, code: "" });
});

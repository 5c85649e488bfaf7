import { explainFinding, HOUR, MINUTE, parseCompact, parseInstant } from "@quarterpast/domain";
import { readList, type StatementLine } from "@quarterpast/marketplace";
import { createSandbox, type Sandbox } from "@quarterpast/sandbox/koogallery";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gbk } from "../../packages/marketplace/test/gbk.js";
import { xlsx } from "../../packages/marketplace/test/xlsxWriter.js";
import { H } from "@quarterpast/testkit";
import { openMarketplace, type OpenMarketplace } from "@quarterpast/testkit/marketplace";

const CODES = ["001", "002", "003", "004", "005", "006", "007", "009", "010", "011", "012", "013"];
let sandbox: Sandbox;
let market: OpenMarketplace;

/** One billed record, one with a large value, and one void with each code. */
beforeAll(async () => {
  const key = "a-key-for-tests";
  sandbox = await createSandbox({ key, validationDelayMs: 0 });
  await sandbox.setClock({ start: new Date((H + HOUR + 5 * MINUTE) / 1_000).toISOString(), rate: 0 });
  market = openMarketplace({
    ...{ baseUrl: sandbox.url, key },
  });
  const send = async (serialNumber: string, quantity: string) => {
    const begin = H;
    const record = { instanceId: `i-${serialNumber}`, serialNumber, begin, end: begin + HOUR, quantity };
    const wire = market.encodeRecord({ ...record, recordTime: begin + HOUR + MINUTE });
    await market.submit({ records: [{ serialNumber, wire }] });
  };
  await send("b1good", "12.5000");
  await send("b1large", "1234567.8900");
  for (const code of CODES) {
    sandbox.setFaults([{ mode: "abnormal", times: 1, code }]);
    await send(`b1void${code}`, "1000.0000");
  }
  await sandbox.setClock({ start: new Date((H + HOUR + 20 * MINUTE) / 1_000).toISOString(), rate: 0 });
  await sandbox.settle();
});
afterAll(async () => {
  await market.close();
  await sandbox.close();
});

async function exported(lang?: "zh" | "en"): Promise<Buffer> {
  const answer = await fetch(`${sandbox.url}/sandbox/sdr?format=csv${lang ? `&lang=${lang}` : ""}`);
  return Buffer.from(await answer.arrayBuffer());
}
const cellsOf = (bytes: Buffer) => parse(bytes, { bom: true, relax_column_count: true }) as string[][];
const quoted = (cell: string, separator: string) => (cell.includes(separator) ? `"${cell}"` : cell);
const joined = (rows: string[][], separator = ",") =>
  rows.map((row) => row.map((cell) => quoted(cell, separator)).join(separator)).join("\r\n");
const read = (bytes: Uint8Array) => readList(bytes, { rules: market.lists! });
const told = (lines: readonly StatementLine[]) => lines.map((line) => ({ ...line }));

/** A cell as a spreadsheet program leaves it: dates as serial days, thousands separated, leading zeros removed. */
function spoilt(cell: string): string {
  const at = parseCompact(cell) ?? parseInstant(cell);
  if (at !== undefined) return String((at / 1e6 / 86_400 + 25_569).toFixed(10));
  if (/^0\d\d$/.test(cell)) return String(Number(cell));
  return /^\d+(\.\d+)?$/.test(cell) ? cell.replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, ",") : cell;
}
const asNumber = (cell: string) => (/^[\d.]+$/.test(spoilt(cell)) ? Number(spoilt(cell)) : cell);

describe.each([undefined, "zh", "en"] as const)("the sandbox's list with headers %s", (lang) => {
  test.each([
    ["as it is", (bytes: Buffer) => bytes],
    ["without its byte order mark", (bytes: Buffer) => bytes.subarray(3)],
    ["saved as GBK", (bytes: Buffer) => gbk(bytes.toString("utf8").replace(/^\ufeff/, ""))],
    [
      "saved as UTF-16 with tabs",
      (bytes: Buffer) => Buffer.from(`\ufeff${joined(cellsOf(bytes), "\t")}`, "utf16le"),
    ],
    ["with semicolons", (bytes: Buffer) => Buffer.from(joined(cellsOf(bytes), ";"))],
    [
      "with dates as serials, thousands separators and codes without their zeros",
      (bytes: Buffer) => Buffer.from(joined(cellsOf(bytes).map((row) => row.map(spoilt)))),
    ],
    ["saved as a workbook", (bytes: Buffer) => xlsx(cellsOf(bytes).map((row) => row.map(asNumber)))],
    ["with a title above it", (bytes: Buffer) => Buffer.from(`话单管理导出,,\n\n${joined(cellsOf(bytes))}`)],
  ])("%s is read as it was exported", async (_, edit) => {
    const bytes = await exported(lang);
    const original = await read(bytes);
    expect(original).toMatchObject({ kind: "sdr", complete: true, problems: [], rows: CODES.length + 2 });
    const edited = await read(edit(bytes));
    expect(edited.problems).toEqual([]);
    expect(edited.complete).toBe(true);
    expect(told(edited.lines)).toEqual(told(original.lines));
  });

  test("cut short anywhere is never taken for whole", async () => {
    const bytes = await exported(lang);
    for (let end = 40; end < bytes.length - 16; end += 89) {
      let isWhole = false;
      try {
        isWhole = (await read(bytes.subarray(0, end))).complete;
      } catch (error) {
        expect((error as Error).name).toBe("TableError");
      }
      expect(isWhole).toBe(false);
    }
  });

  test.each([
    ["a date cut to the day's fourth decimal", (cell: string) => (parseCompact(cell) ? "46082.4167" : cell)],
    ["a quantity with a decimal comma", (cell: string) => (/^12\.50*$/.test(cell) ? "12,5" : cell)],
    ["a serial number as a power of ten", (cell: string) => (cell === "b1good" ? "1.2E+17" : cell)],
  ])("with %s is refused, and the cell is named", async (_, edit) => {
    const bytes = await exported(lang);
    const { problems, complete } = await read(
      Buffer.from(joined(cellsOf(bytes).map((row) => row.map(edit)))),
    );
    expect(complete).toBe(false);
    expect(problems.length).toBeGreaterThan(0);
    for (const { column } of problems) expect(column).toMatch(/^[A-Z]+\d+ ./);
  });
});

test("every code of an abnormal record has its meaning, cause and act, in both languages", async () => {
  const { lines } = await read(await exported());
  expect(lines.flatMap(({ code }) => code ?? []).sort()).toEqual(CODES);
  for (const code of CODES) {
    const meaning = market.meaningOf(code);
    const { cause, act, advice } = explainFinding(
      { kind: "abnormal", code, id: "q1" },
      meaning,
      market.adviceOf(code),
    );
    expect(cause).toEqual(meaning);
    expect(act).not.toBe("wait");
    for (const text of [cause.en, cause.zh, advice.en, advice.zh]) expect(text).not.toBe("");
  }
});

import { readListApart, type List } from "@quarterpast/marketplace";
import { describe, expect, test } from "vitest";
import { readList } from "../src/index.js";
import { LISTS } from "../src/koogallery/lists.js";
import { workbook, xlsx } from "./xlsxWriter.js";

const HEADER = "metering_sn,instance_id,begin_time,end_time,usage_value,state".split(",");
const ROW = ["b1aa", "i-1", "20260301T100000Z", "20260301T110000Z", 1234.5, "billed"];
const options = { rules: LISTS };
const sheet = (rows: string, before = "") =>
  workbook({ sheet: `${before}<worksheet><sheetData>${rows}</sheetData></worksheet>` });
const inline = (text: string) => `<c t="inlineStr"><is><t>${text}</t></is></c>`;
const headers = async (book: Buffer) =>
  (await readList(book, options)).layout.headers.map(({ header }) => header);

/** Each 36 bytes, compressed to less than one, make a row of 1,000 columns. */
const WIDE = '<row><c r="ALL1"><v>1</v></c></row>'.repeat(10_000);

describe("a hostile workbook", () => {
  // Regular expressions took quadratic time: one second for 962 bytes, four for 1,035.
  test.each([10_000, 100_000])("of %i open tags in a kilobyte is refused at once", async (count) => {
    const book = workbook({ sheet: "<row ".repeat(count) });
    expect(book.length).toBeLessThan(2_000);
    const began = performance.now();
    await expect(readList(book, options)).rejects.toThrow("damaged");
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  test("that unpacks to more cells, rows or bytes than one may have is refused", async () => {
    await expect(readList(sheet(WIDE), options)).rejects.toThrow("more than 8000000 cells");
    const rows = "<row/>".repeat(1_048_577);
    await expect(readList(sheet(rows), options)).rejects.toThrow("more than 1048576 rows");
    const blanks = Buffer.alloc(129 * 1024 * 1024, 0x20).toString("latin1");
    await expect(readList(sheet(blanks), options)).rejects.toThrow("more than 134217728 bytes");
  });

  test("that says it unpacks to less than it does is refused", async () => {
    const book = sheet(`<row>${inline("x".repeat(100_000))}</row>`);
    const name = book.lastIndexOf("xl/worksheets/sheet1.xml");
    // The directory's entry: 46 bytes before its name, the unpacked size at 24.
    book.writeUInt32LE(1_000, name - 46 + 24);
    await expect(readList(book, options)).rejects.toThrow("damaged");
  });

  test.each([
    ["entities of its own", `<row>${inline("&lol;")}</row>`, '<!DOCTYPE x [<!ENTITY lol "lol">]>'],
    [
      "entities of a file",
      `<row>${inline("&f;")}</row>`,
      '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
    ],
    ["an entity that is none", `<row>${inline("&nbsp;")}</row>`, ""],
    ["tags that do not match", "<row><c></row></c>", ""],
    ["a control character", `<row>${inline("a\u0001b")}</row>`, ""],
  ])("with %s is refused", async (_, rows, before) => {
    await expect(readList(sheet(rows, before), options)).rejects.toThrow("damaged");
  });
});

test("XML's own entities, runs, prefixes and CDATA are read as they are meant", async () => {
  const rich = "<c t='inlineStr'><is><r><t>a&amp;</t></r><r><t>b</t></r><rPh><t>no</t></rPh></is></c>";
  const cells = [
    inline("&lt;&#x7528;&#37327;&gt;"),
    rich,
    inline("<![CDATA[<c>]]>"),
    '<c t="str"><v>s</v></c>',
  ];
  expect(await headers(sheet(`<row>${cells.join("")}</row>`))).toEqual(["<用量>", "a&b", "<c>", "s"]);
  const prefixed = '<x:worksheet><x:row r="1"><x:c r="B1"><x:v>7</x:v></x:c></x:row></x:worksheet>';
  expect(await headers(workbook({ sheet: prefixed }))).toEqual(["", "7"]);
});

describe("a list that is read in a thread of its own", () => {
  const book = xlsx([HEADER, ROW, ["#total", 1]]);

  test("comes to the same", async () => {
    const apart = await readListApart(book, options);
    expect(apart).toEqual(await readList(book, options));
    expect(apart).toMatchObject({ complete: true, rows: 1 } satisfies Partial<List>);
  });

  test("is refused as it would be here", async () => {
    const refused = readListApart(book.subarray(0, 300), options);
    await expect(refused).rejects.toMatchObject({
      name: "TableError",
      zh: expect.stringContaining("已损坏"),
    });
  });

  test("ends only the thread if it takes too much memory or time, and the next one is read", async () => {
    const large = sheet('<row><c r="CV1"><v>1</v></c></row>'.repeat(60_000));
    const memory = { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 };
    const results = await Promise.allSettled([
      readListApart(large, options, { timeoutMs: 60_000, memory }),
      readListApart(large, options, { timeoutMs: 20, memory: {} }),
      readListApart(book, options),
    ]);
    expect(results).toMatchObject([
      { reason: { name: "TableError", message: expect.stringContaining("more memory") } },
      { reason: { name: "TableError", message: expect.stringContaining("within 0.02 seconds") } },
      { value: { complete: true } },
    ]);
  });
});

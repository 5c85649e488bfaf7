import { formatInstant, parseInstant } from "@quarterpast/domain";
import { describe, expect, test } from "vitest";
import { problemText, readList, type ImportProfile } from "../src/index.js";
import { LISTS } from "../src/koogallery/lists.js";
import { gbk } from "./gbk.js";
import { xlsx } from "./xlsxWriter.js";

const utf8 = (text: string) => Buffer.from(text, "utf8");
const HEADER = "metering_sn,instance_id,begin_time,end_time,usage_value,state,error_code,collected_at";
const ZH = "话单唯一标识,实例ID,计量开始时间,计量结束时间,使用量,状态,异常码,采集时间";
const FIRST = {
  serialNumber: "b1aa",
  instanceId: "i-1",
  begin: parseInstant("2026-03-01T10:00:00Z"),
  end: parseInstant("2026-03-01T11:00:00Z"),
  quantity: "1234.5",
};
const read = (bytes: Uint8Array, profile?: Partial<ImportProfile>, expectedRows?: number) =>
  readList(bytes, { rules: LISTS, profile, expectedRows });
const told = async (bytes: Uint8Array, profile?: Partial<ImportProfile>) =>
  (await read(bytes, profile)).problems.map((problem) => problemText(problem, "en"));

describe("an SDR list that a spreadsheet program has saved", () => {
  test("is read as it is exported", async () => {
    const file = await read(
      utf8(
        `\ufeff${HEADER}\r\nb1aa,i-1,20260301T100000Z,20260301T110000Z,1234.5,billed,,2026-03-01T11:15:00.000Z\r\n#total,1,,,,,,\r\n`,
      ),
    );
    expect(file).toMatchObject({ kind: "sdr", complete: true, rows: 1, problems: [] });
    expect(file.lines).toEqual([
      { ...FIRST, state: "billed", collectedAt: parseInstant("2026-03-01T11:15:00Z") },
    ]);
  });

  test.each([
    [
      "GBK with Chinese headers",
      gbk(`${ZH}\nb1aa,i-1,2026/3/1 10:00,2026/3/1 11:00,"1,234.50",异常,5,\n#total,1`),
    ],
    [
      "serial dates",
      utf8(`${HEADER}\nb1aa,i-1,46082.4166666667,46082.4583333333,"1,234.5",abnormal,5,\n#total,1`),
    ],
    [
      "tabs in UTF-16",
      Buffer.from(
        `\ufeff${HEADER.replaceAll(",", "\t")}\nb1aa\ti-1\t2026-03-01 10:00:00\t2026-03-01 11:00:00\t1 234.5\tabnormal\t005\t\n#total\t1`,
        "utf16le",
      ),
    ],
    [
      "semicolons and Chinese dates",
      utf8(
        `${HEADER.replaceAll(",", ";")}\nb1aa;i-1;2026年3月1日 10:00;2026年3月1日 11:00:00;1,234.5;异常;5;\n#total;1`,
      ),
    ],
    [
      "a title above the header",
      utf8(
        `话单管理导出\n\n${HEADER}\nb1aa,i-1,20260301T100000Z,20260301T110000Z,1234.50,abnormal,005,\n#total,1`,
      ),
    ],
    [
      "XLSX",
      xlsx([
        HEADER.split(","),
        ["b1aa", "i-1", 46082.416666666664, 46082.458333333336, 1234.5, "abnormal", 5],
        ["#total", 1],
      ]),
    ],
    [
      "XLSX of 1904",
      xlsx(
        [
          ZH.split(","),
          ["b1aa", "i-1", 44620.416666666664, 44620.458333333336, 1234.5, "异常", 5],
          ["#total", 1],
        ],
        { date1904: true },
      ),
    ],
  ])("is read with %s", async (_, bytes) => {
    const file = await read(bytes);
    expect(file.problems).toEqual([]);
    expect(file).toMatchObject({ kind: "sdr", complete: true });
    expect(file.lines).toEqual([{ ...FIRST, state: "abnormal", code: "005" }]);
  });

  test("in another time zone is read by its profile", async () => {
    const file = await read(utf8(`${HEADER}\nb1aa,i-1,2026-03-01 18:00,46082.7916666667,1,normal,,`), {
      zoneMinutes: 480,
    });
    expect(file.lines.map(({ begin, end }) => [begin, end].map(formatInstant))).toEqual([
      ["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"],
    ]);
  });

  test("with headers of its own is read by its profile", async () => {
    const bytes = utf8(
      "Nr,Vertrag,Von,Bis,Menge,Zustand\nb1aa,i-1,20260301T100000Z,20260301T110000Z,1234.5,normal",
    );
    expect((await read(bytes)).problems.length).toBeGreaterThan(0);
    const columns = {
      serialNumber: "nr",
      instanceId: "Vertrag",
      begin: "Von",
      end: "Bis",
      quantity: "Menge",
      state: "Zustand",
    };
    expect(await read(bytes, { kind: "sdr", columns })).toMatchObject({ lines: [FIRST], problems: [] });
  });

  test.each([
    [
      "a serial number cut in its digits",
      "46082.4167,46082.4583333333,1",
      'line 2, "C2 begin_time" "46082.4167"',
    ],
    ["a decimal comma", '20260301T100000Z,20260301T110000Z,"1,5"', 'line 2, "E2 usage_value" "1,5"'],
    [
      "a quantity in scientific form",
      "20260301T100000Z,20260301T110000Z,1.2E+05",
      'line 2, "E2 usage_value" "1.2E+05"',
    ],
    [
      "a day that is none",
      "2026-02-30 10:00,20260301T110000Z,1",
      'line 2, "C2 begin_time" "2026-02-30 10:00"',
    ],
    [
      "an end before its begin",
      "20260301T100000Z,20260301T090000Z,1",
      'line 2, "D2 end_time" "20260301T090000Z"',
    ],
  ])("with %s is refused with the cell named", async (_, cells, start) => {
    const [problem] = await told(utf8(`${HEADER}\nb1aa,i-1,${cells},normal,,`));
    expect(problem).toContain(
      start
        .replaceAll('"C2 begin_time"', "C2 begin_time")
        .replaceAll('"E2 usage_value"', "E2 usage_value")
        .replaceAll('"D2 end_time"', "D2 end_time"),
    );
  });

  test("refuses ids of which a spreadsheet lost digits", async () => {
    expect(
      (await told(utf8(`${HEADER}\n1.23457E+17,i-1,20260301T100000Z,20260301T110000Z,1,normal,,`)))[0],
    ).toContain('A2 metering_sn "1.23457E+17"');
    const book = xlsx([
      HEADER.split(","),
      ["b1aa", 1234567890123456768, "20260301T100000Z", "20260301T110000Z", 1, "normal"],
    ]);
    expect((await told(book))[0]).toContain("B2 instance_id");
  });
});

describe("what a file says that it covers", () => {
  const row = "b1aa,i-1,20260301T100000Z,20260301T110000Z,1234.5,billed,,";
  test.each([
    ["话单管理导出 2026-03-01 至 2026-03-31", "", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"],
    ["Period: 2026-03-01 10:00:00 - 2026-03-01 23:59:59", "", "2026-03-01T10:00:00Z", "2026-03-02T00:00:00Z"],
    ["账单 2026年3月", "", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"],
    ["SDR list 2026-03", "", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"],
    ["", "#range,20260301T100000Z ~ 20260301T120000Z", "2026-03-01T10:00:00Z", "2026-03-01T12:00:00Z"],
  ])("%s%s", async (title, end, from, to) => {
    const { period, lines } = await read(utf8(`${title}\n${HEADER}\n${row}\n${end}\n#total,1\n`));
    expect(lines).toHaveLength(1);
    expect(period && [period.from, period.to].map(formatInstant)).toEqual([from, to]);
  });

  test.each(["导出时间 2026-03-05 08:00:00", "话单管理导出", "2026-03-31 ~ 2026-03-01", "13800138000"])(
    "nothing by %j",
    async (title) => expect((await read(utf8(`${title}\n${HEADER}\n${row}\n`))).period).toBeUndefined(),
  );
});

describe("a file that is not whole", () => {
  const row = "b1aa,i-1,20260301T100000Z,20260301T110000Z,1234.5,billed,,";
  test.each([
    ["without an end", `${HEADER}\n${row}\n`, undefined, false],
    ["with an end that counts otherwise", `${HEADER}\n${row}\n#total,2\n`, undefined, false],
    ["that says there is more", `${HEADER}\n${row}\n#more,2\n`, undefined, false],
    ["with lines behind its end", `${HEADER}\n${row}\n#total,1\n${row}\n`, undefined, false],
    ["without an end, but with as many rows as were told", `${HEADER}\n${row}\n`, 1, true],
    ["with fewer rows than were told", `${HEADER}\n${row}\n#total,1\n`, 2, false],
    ["with a thousands separator in its end", `${HEADER}\n${row}\n#total,"0,001"\n`, undefined, true],
  ])("%s", async (_, text, expected, complete) => {
    expect((await read(utf8(text), undefined, expected)).complete).toBe(complete);
  });

  test("cut anywhere is incomplete, has a problem, or cannot be read: never whole", async () => {
    const whole = utf8(`${HEADER}\n${row}\n${row.replace("b1aa", "b1bb")}\n#total,2\n`);
    for (let bytes = 1; bytes < whole.length - 1; bytes += 1) {
      let complete = false;
      try {
        complete = (await read(whole.subarray(0, bytes))).complete;
      } catch (error) {
        expect((error as Error).name).toBe("TableError");
      }
      expect(complete).toBe(false);
    }
  });

  test("a workbook cut anywhere, or with a byte changed, is refused or read as it was", async () => {
    const book = xlsx([
      HEADER.split(","),
      ["b1aa", "i-1", "20260301T100000Z", "20260301T110000Z", 1234.5, "billed"],
      ["#total", 1],
    ]);
    for (let bytes = 2; bytes < book.length; bytes += 7) {
      await expect(read(book.subarray(0, bytes))).rejects.toThrow(/damaged|no XLSX|well-formed|cut/);
    }
    const good = JSON.stringify((await read(book)).lines);
    for (let at = 0; at < book.length; at += 3) {
      const changed = Buffer.from(book);
      changed[at] = changed[at]! ^ 0x15;
      try {
        const { lines, complete } = await read(changed);
        if (complete) expect(JSON.stringify(lines)).toBe(good);
      } catch (error) {
        expect((error as Error).name).toBe("TableError");
      }
    }
  });
});

describe("a bill", () => {
  test("is read with its month, its refunds negative, its totals checked", async () => {
    const file = await read(
      gbk(
        '账期,订单号,实例ID,商品名称,客户账号,使用量,金额(元),交易类型\n2026年3月,CS1,i-1,大模型,甲,"1,000",1200.00,消费\n2026-03,CS2,i-1,大模型,甲,,1000,退款\n合计,,,,,,200.00,',
      ),
    );
    expect(file.problems).toEqual([]);
    expect(file).toMatchObject({ kind: "bill", complete: true });
    expect(file.bill).toEqual([
      {
        line: 2,
        month: "2026-03",
        orderId: "CS1",
        instanceId: "i-1",
        product: "大模型",
        customer: "甲",
        quantity: "1000",
        amount: "1200",
        currency: "CNY",
        refund: false,
      },
      {
        line: 3,
        month: "2026-03",
        orderId: "CS2",
        instanceId: "i-1",
        product: "大模型",
        customer: "甲",
        amount: "-1000",
        currency: "CNY",
        refund: true,
      },
    ]);
  });

  test("of transaction details names records, times and refunds, and says what it covers", async () => {
    const file = await read(
      gbk(
        '交易明细,账期:2026-03-01 ~ 2026-03-02\n\n订单号,话单号,实例ID,交易时间,消费结束时间,交易金额,币种,交易类型\nCS1,b1aa,i-1,46082.4166666667,2026/3/1 11:00,"1,200.50",人民币,消费\nCS2,b1bb,i-1,2026-03-02 08:00:00,2026-03-02 09:00:00,10,人民币,退款',
      ),
      { zoneMinutes: 480 },
    );
    expect(file.problems).toEqual([]);
    expect(file.period && [file.period.from, file.period.to].map(formatInstant)).toEqual([
      "2026-02-28T16:00:00Z",
      "2026-03-02T16:00:00Z",
    ]);
    expect(file.bill).toMatchObject([
      {
        serialNumber: "b1aa",
        amount: "1200.5",
        currency: "CNY",
        begin: parseInstant("2026-03-01T02:00:00Z"),
        refund: false,
      },
      { serialNumber: "b1bb", amount: "-10", refund: true },
    ]);
  });

  test("as a workbook, with a currency column and a negative number", async () => {
    const book = xlsx([
      ["Billing Month", "Instance ID", "Amount", "Currency"],
      ["202603", "i-1", 0.30000000000000004, "usd"],
      ["2026-03", "i-2", -12.5, "USD"],
      ["Total", null, -12.2],
    ]);
    expect(await read(book)).toMatchObject({
      complete: true,
      bill: [
        { month: "2026-03", amount: "0.3", refund: false, currency: "USD" },
        { month: "2026-03", amount: "-12.5", refund: true },
      ],
    });
  });

  test.each([
    ["totals that do not add up", "账期,实例ID,金额(元)\n2026-03,i-1,5\n合计,,6", "C3"],
    ["no currency", "账期,实例ID,金额\n2026-03,i-1,5", "currency"],
    ["an amount that is none", "账期,实例ID,金额(元)\n2026-03,i-1,五", "C2 金额(元)"],
    ["no amount", "账期,实例ID,金额(元)\n2026-03,i-1,", "C2 金额(元)"],
    ["a month that is none", "账期,实例ID,金额(元)\n2026-13,i-1,5", "A2 账期"],
  ])("with %s is refused with the cell named", async (_, text, where) => {
    const file = await read(utf8(text));
    expect(file.complete).toBe(false);
    expect(file.problems.map((problem) => problemText(problem, "zh")).join()).toContain(where);
  });
});

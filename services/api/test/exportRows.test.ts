import { HOUR } from "@quarterpast/domain";
import {
  createPool,
  EXPORT_COLUMNS,
  insertOutcomes,
  readExport,
  type ExportFormat,
} from "@quarterpast/store";
import { stringify } from "csv-stringify/sync";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileRecords, H, openLedger, type Ledger } from "@quarterpast/testkit";
import { csvHeader } from "../src/exportRows.js";

const SUBJECTS = [
  "plain",
  "=1+1",
  "+1",
  "-1",
  "@SUM(A1)",
  "\t=1",
  "＝1",
  'a "b", c',
  "客户,甲",
  "back\\slash",
  "line\nend",
];

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
  await ledger.meter("tokens", "sum");
  for (const [n, subject] of SUBJECTS.entries()) await ledger.instance(`i-${n}`, "tokens", subject);
  const filed = SUBJECTS.flatMap((_, n) => [
    {
      instanceId: `i-${n}`,
      begin: H,
      quantity: n === 0 ? "999999999999.0001" : `${n}.5000`,
      state: "billed",
    },
    { instanceId: `i-${n}`, begin: H + HOUR, quantity: "0.0001" },
  ]);
  for (let hour = 2; hour < 7; hour += 1)
    filed.push({ instanceId: `i-${hour}`, begin: H + hour * HOUR, quantity: `${hour}` });
  const sns = await fileRecords(ledger, filed);
  const outcome = { state: "abnormal" as const, code: "=003", detail: "" };
  await insertOutcomes(ledger.pool, [{ sn: sns[2]!, ...outcome }], "statement", H);
  // A record that was sent again, in a call by itself.
  await ledger.rows(
    `INSERT INTO submissions (account_no, shard, seq_from, seq_to, state, code, deadline, expires, next_at, created_at)
     SELECT account_no, shard, seq, seq, 'unknown', 'TIMEOUT', now(), now(), now(), now() FROM records WHERE sn = $1`,
    [sns[4]],
  );
});
afterAll(() => ledger.end());

async function exported(
  format: ExportFormat,
  filter: { product?: string; subject?: string } = {},
  pool = ledger.pool,
): Promise<string> {
  const span = { accountNo: ledger.account.accountNo, from: H, to: H + 24 * HOUR };
  const texts: string[] = [];
  for await (const some of readExport(pool, { ...span, ...filter }, format)) texts.push(...some);
  return texts.join("\n");
}

/** The same rows obtained independently: from the view, written by a CSV library. */
async function expected(): Promise<string[][]> {
  const iso = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
  const rows = await ledger.rows<Record<string, string>>(
    `SELECT sn, account, product, instance_id, subject, meter, unit, kind, part, ${iso("hour")} AS hour,
       ${iso("begin_at")} AS begin, ${iso("end_at")} AS "end", quantity::text, events::text, state, COALESCE(code, '') AS code,
       COALESCE(replaces, '') AS replaces, shard::text, seq::text, checksum
     FROM billing.records b ORDER BY b.hour, b.shard, b.seq`,
  );
  return rows.map((row) => Object.values(row));
}

test("CSV is what the view shows, guarded against formulas and quoted as a library does it", async () => {
  const wanted = stringify(await expected(), { escape_formulas: true, record_delimiter: "\n" });
  expect(`${await exported("csv")}\n`).toBe(wanted);
  for (const subject of SUBJECTS.slice(1, 7)) expect(wanted).toContain(`,'${subject},`);
  expect(wanted).toContain(",999999999999.0001,");
  expect(wanted).toContain(",unknown,TIMEOUT,");
});

test("JSON lines hold the same texts", async () => {
  const lines = (await exported("ndjson"))
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, string>);
  expect(lines.map((line) => Object.values(line))).toEqual(await expected());
  expect(Object.keys(lines[0]!)).toEqual([...EXPORT_COLUMNS]);
});

test("one connection, two, and one that is taken at the same time write the same", async () => {
  for (const max of [1, 2, 3]) {
    const pool = createPool({ databaseUrl: ledger.url, applicationName: "export", max, onError: () => {} });
    const both = await Promise.all([exported("csv", {}, pool), exported("csv", {}, pool)]);
    expect(both).toEqual([await exported("csv"), await exported("csv")]);
    expect(pool.idleCount).toBe(pool.totalCount);
    await pool.end();
  }
});

test("whoever stops reading in the middle holds no connection", async () => {
  const pool = createPool({ databaseUrl: ledger.url, applicationName: "export", max: 2, onError: () => {} });
  const span = { accountNo: ledger.account.accountNo, from: H, to: H + 24 * HOUR };
  for await (const texts of readExport(pool, span, "csv")) {
    expect(texts.length).toBeGreaterThan(0);
    break;
  }
  expect(await exported("csv", {}, pool)).toBe(await exported("csv"));
  await pool.end();
});

test("a single product or customer can be exported; no records make an empty file", async () => {
  expect((await exported("ndjson", { subject: "=1+1" })).split("\n")).toHaveLength(2);
  expect(await exported("csv", { product: "nobody's" })).toBe("");
});

test("titles are in the language asked for, behind the mark of UTF-8", () => {
  expect(csvHeader("en")).toMatch(/^\uFEFFSerial number,Account,/);
  expect(csvHeader("zh")).toMatch(/^\uFEFF序列号,账户,/);
});

import { addDecimals, HOUR, MINUTE, payloadHash } from "@quarterpast/domain";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCorrector } from "../../services/aggregator/src/correct.js";
import { startLedgerApi, tamper, type LedgerApi } from "@quarterpast/testkit/services";
import { H, usage } from "@quarterpast/testkit";
import { runCli } from "@quarterpast/testkit/stack";
import { hourAfter, openProvenLedger, type ProvenLedger } from "../fixtures/proofs.js";

let proven: ProvenLedger;
let api: LedgerApi;
const dir = mkdtempSync(join(tmpdir(), "quarterpast-drill-"));

function correcting(id: string, of: string, quantity: string) {
  const made = usage({ id, quantity, time: H + HOUR, extensions: { corrects: of } });
  return { ...made, payloadHash: payloadHash({ ...made, correction: `corrects ${of}` }) };
}

beforeAll(async () => {
  proven = await openProvenLedger();
  const { ledger, deps } = proven;
  for (const [code, aggregation] of [
    ["tokens", "sum"],
    ["calls", "count"],
    ["seats", "max"],
    ["users", "unique"],
  ] as const) {
    await ledger.meter(code, aggregation);
    await ledger.instance(`i-${code}`, code, "customer-1");
  }
  await proven.count([
    usage({ id: "e1", quantity: "10.00005" }),
    ...Array.from({ length: 7 }, (_, n) => usage({ id: `m${n}`, quantity: "0.5", time: H + n * MINUTE })),
    ...["n1", "n2", "n3"].map((id) => usage({ id, meter: "calls" })),
    usage({ id: "s1", meter: "seats", quantity: "7" }),
    ...["ann", "bob"].map((value) => usage({ id: value, meter: "users", value })),
  ]);
  await proven.freezeBefore(hourAfter(1));
  await proven.count([
    usage({ id: "late", quantity: "2", time: H + 50 * MINUTE }),
    usage({ id: "e2", quantity: "3", time: H + HOUR }),
    correcting("c1", "e1", "12"),
    usage({ id: "s2", meter: "seats", quantity: "9", time: H + MINUTE }),
    ...["bob", "cy"].map((value) => usage({ id: `late ${value}`, meter: "users", value, time: H + MINUTE })),
  ]);
  const corrector = createCorrector({ pool: deps.pool, now: deps.clock.now });
  while ((await corrector.run()) > 0);
  await proven.freezeBefore(hourAfter(2));
  api = await startLedgerApi(ledger);
  const price = ["--from", "2026-01-01T00:00:00Z", "--model", "fixed", "--currency", "CNY", "--price", "0.5"];
  const priced = await cli("prices", "add", "--product", "product", "--meter", "tokens", ...price);
  writeFileSync(
    join(dir, "bill.csv"),
    "账期,实例ID,使用量,金额(元)\n2026-03,i-tokens,20,10.00\n2026-03,i-strange,1,1.00\n合计,,,11.00\n",
  );
  const taken = await cli("reconcile", join(dir, "bill.csv"));
  if (priced.code !== 0 || taken.code !== 3)
    throw new Error(`not prepared: ${priced.stderr} ${taken.stderr}`);
});
afterAll(async () => {
  await api.end();
  await proven.end();
  rmSync(dir, { recursive: true });
});

const cli = (...args: string[]) => runCli(args, api.env);

/** Calls the api directly: a process for every question would take too long. */
async function ask<T>(path: string): Promise<T> {
  const { QUARTERPAST_API_URL: url = "", QUARTERPAST_API_KEY: key } = api.env;
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
  const text = await answer.text();
  expect({ status: answer.status, text }).toEqual({ status: 200, text });
  return JSON.parse(`[${text.trim().split("\n").join(",")}]`)[0] as T;
}
const items = async <T>(path: string) => (await ask<{ items: T[] }>(path)).items;
const sum = (texts: (string | null)[]) => addDecimals("0", ...texts.map((text) => text ?? "0"));

describe("from a bill's line to records to events", () => {
  test("every figure is the sum of what is below it", async () => {
    const [bill] = await items<{ bill: number }>("/v1/bills");
    expect(bill).toMatchObject({
      source: "bill.csv",
      complete: true,
      superseded: false,
      amounts: { CNY: "11" },
    });
    const lines = `/v1/bills/${bill!.bill}/lines`;
    type Line = { line: number; expected: string; recordsQuantity: string; records: number };
    const [line, strange] = await items<Line>(lines);
    // 10.00005 + 3.5, then 2 + 3 + (12 - 10.00005), each cut at the fourth decimal.
    expect(line).toMatchObject({ amount: "10", recordsQuantity: "20.5", expected: "10.25", records: 2 });
    expect(strange).toMatchObject({ amount: "1", records: 0, expected: null });
    type Record = { sn: string; quantity: string; amount: string };
    const records = await items<Record>(`${lines}/${line!.line}/records`);
    expect([
      sum(records.map((one) => one.quantity)),
      sum(records.map((one) => one.amount)),
      records.length,
    ]).toEqual([line!.recordsQuantity, line!.expected, line!.records]);
    for (const { sn, quantity } of records) {
      const { record, items: events } = await ask<{
        record: { usage: string; residueIn: string; residueOut: string; hour: string; events: number };
        items: { counts: string; corrects: string | null }[];
      }>(`/v1/records/${sn}/events?limit=1000`);
      expect(record).toMatchObject({ sn, quantity, filed: quantity, adds: true });
      expect(sum(events.map(({ counts }) => counts))).toBe(record.usage);
      expect(events).toHaveLength(record.events);
      expect(addDecimals(record.usage, record.residueIn)).toBe(addDecimals(quantity, record.residueOut));
      if (record.hour === "2026-03-01T11:00:00Z")
        expect(events.filter(({ corrects }) => corrects !== null)).toMatchObject([
          { id: "c1", corrects: "e1", counts: "1.99995" },
        ]);
    }
  });

  test("events come page by page", async () => {
    const [{ sn }] = (await items("/v1/records?instance=i-tokens&hour=2026-03-01T10:00:00Z")) as [
      { sn: string },
    ];
    const seen: unknown[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page: { items: { id: string }[]; next: string | null } = await ask(
        `/v1/records/${sn}/events?limit=3${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next;
    }
    expect(seen.sort()).toEqual(["e1", ...Array.from({ length: 7 }, (_, n) => `m${n}`)]);
  });

  test("is reported to a person by the command, in both languages", async () => {
    const { stdout } = await cli("bills", "lines", "1");
    expect(stdout).toMatch(/^ +2 +2026-03 +i-tokens +10 +10\.25 +CNY +20 +20\.5 +2$/m);
    const [{ sn }] = (await items("/v1/records?instance=i-tokens")) as [{ sn: string }];
    const zh = await cli("records", "events", sn, "--lang", "zh", "--limit", "2");
    expect(zh.stdout).toMatch(/^相符 +是$/m);
    expect(zh.stderr).toContain("仅显示前 2 条");
    expect((await cli("bills", "records", "1", "9")).code).toBe(5);
  });

  test("of count, max and unique meters shows their events too", async () => {
    const records = await items<{ sn: string; instanceId: string; hour: string }>("/v1/records");
    const makeup = async (instance: string, hour: string) => {
      const { sn } = records.find((one) => one.instanceId === instance && one.hour === hour)!;
      return (await ask<{ record: object }>(`/v1/records/${sn}/events`)).record;
    };
    const [first, second] = ["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"] as const;
    expect(await makeup("i-calls", first)).toMatchObject({ usage: "3", eventsCount: "3", adds: true });
    expect(await makeup("i-seats", second)).toMatchObject({ usage: "2", eventsCount: null, adds: true });
    expect(await makeup("i-users", second)).toMatchObject({ usage: "1", events: 2, adds: true });
  });

  test("expected revenue stands beside the marketplace's bill, of one customer or instance too", async () => {
    const by = (more: string) => items<object>(`/v1/revenue?month=2026-03${more}`);
    expect(await by("&by=instance&instance=i-tokens")).toEqual([
      expect.objectContaining({ key: "i-tokens", expected: "10.25", bill: "10", currency: "CNY" }),
    ]);
    expect(await by("&by=subject")).toContainEqual(
      expect.objectContaining({ key: "customer-1", bill: "10" }),
    );
    expect(await by("&product=other")).toEqual([]);
    expect(await items("/v1/credits")).toEqual([]);
  });
});

describe("rebuild", () => {
  type Rebuilt = { differences: { problem: string }[] };
  const rebuilt = () =>
    Promise.all(
      [10, 11].map((hour) =>
        ask<Rebuilt>(`/v1/rebuild?from=2026-03-01T${hour}:00:00Z&to=2026-03-01T${hour + 1}:00:00Z`),
      ),
    );
  const problems = async () =>
    [
      ...new Set((await rebuilt()).flatMap(({ differences }) => differences.map(({ problem }) => problem))),
    ].sort();

  test("of unchanged hours finds nothing, though nothing was signed; of a changed one, exit 3", async () => {
    const { code, stdout } = await cli("rebuild", "--month", "2026-03", "--json");
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({
      code: 0,
      hours: 2,
      events: 20,
      records: 7,
      differences: [],
    });
    const [change, undo] = ["+ 1", "- 1"].map(
      (by) => `UPDATE events SET quantity = quantity ${by} WHERE id = 'e2'`,
    );
    await tamper(proven.ledger, change!, undo!, async () => {
      const told = await cli("rebuild", "--hour", "2026-03-01T11:00:00Z", "--lang", "zh");
      expect(told.code).toBe(3);
      expect(told.stdout).toContain("用量与事件不符");
    });
  });

  const hour = "'2026-03-01T10:00:00Z'";
  test.each([
    [
      "an event that is gone",
      "events SET occurred = occurred % interval '1 year' WHERE id = 'n1'",
      "-+",
      ["events", "filed", "usage"],
    ],
    ["a value", "events SET value = '%' WHERE id = 'late cy'", ["bob", "cy"], ["filed", "usage"]],
    ["a maximum", "events SET quantity = quantity % 1 WHERE id = 's2'", "-+", ["filed", "usage"]],
    ["an hour's usage", "hour_usage SET quantity = quantity % 1 WHERE events = 3", "+-", ["usage"]],
    ["a record", "records SET quantity = quantity % 0.0001 WHERE events = 3", "+-", ["filed"]],
    ["a residue", `residues SET residue = residue % 0.00001 WHERE hour = ${hour}`, "+-", ["filed"]],
  ])("finds %s", async (_, change, [there, back], found) => {
    const by = (way: string | undefined) => `UPDATE ${change.replace("%", way!)}`;
    await tamper(proven.ledger, by(there), by(back), async () => expect(await problems()).toEqual(found));
    expect(await problems()).toEqual([]);
  });
});

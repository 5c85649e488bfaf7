import { HOUR, type Micros, monthPeriod } from "@quarterpast/domain";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileRecords, H, openLedger, type Ledger } from "@quarterpast/testkit";
import { takeBill } from "../src/reconcile/bills.js";
import { keepCases } from "../src/reconcile/cases.js";
import { inTransaction } from "../src/db/database.js";
import { valueFindings } from "../src/reconcile/findings.js";
import { addPlan } from "../src/finance/prices.js";
import { takeStatement } from "../src/reconcile/takeStatement.js";

/** The questions of docs/finance.md with their SQL. */
const QUESTIONS = new Map(
  readFileSync(new URL("../../../docs/finance.md", import.meta.url), "utf8")
    .split("## Ask the ledger")[1]!
    .split("```")[1]!
    .split(/^-- /m)
    .slice(1)
    .map((text): [string, string] => [text.split("\n", 1)[0]!, text.slice(text.indexOf("\n"))]),
);

let ledger: Ledger;
let sns: string[];
const NOW: Micros = H + 30 * HOUR;
const seconds = (at: Micros) => at / 1e6;

beforeAll(async () => {
  ledger = await openLedger();
  await ledger.meter("tokens", "sum");
  await ledger.meter("calls", "count");
  await ledger.instance("i-1", "tokens", "acme");
  await ledger.instance("i-2", "tokens", "beta");
  await ledger.instance("i-3", "calls", "acme", { closed: H + HOUR });
  const actor = { accountNo: 1, keyId: "k" };
  const terms = {
    product: "product",
    validFrom: H - HOUR,
    currency: "CNY",
    period: "month",
    free: "0",
  } as const;
  const step = [
    { upTo: "3", unitPrice: "0.3" },
    { upTo: null, unitPrice: "0.2" },
  ];
  await addPlan(ledger.pool, actor, { ...terms, meter: "tokens", model: "step", bands: step }, H);
  const flat = [{ upTo: null, unitPrice: "2" }];
  await addPlan(ledger.pool, actor, { ...terms, meter: "calls", model: "fixed", bands: flat }, H);
  sns = await fileRecords(ledger, [
    { instanceId: "i-1", begin: H, quantity: "3.0000" },
    { instanceId: "i-1", begin: H + HOUR, quantity: "5.0000" },
    { instanceId: "i-2", begin: H, quantity: "8.0000" },
    { instanceId: "i-2", begin: H + HOUR, quantity: "10.0000", state: "rejected_final" },
    { instanceId: "i-3", begin: H, quantity: "4.0000" },
  ]);
  // The marketplace bills the first record, holds 9 in place of the third's 8, has one of its own, and lacks the
  // calls. The second begins after what its list covers.
  const line = (n: number, instanceId: string, quantity: string, begin = H) => ({
    ...{
      serialNumber: sns[n] ?? "theirs",
      instanceId,
      begin,
      end: begin + HOUR,
      quantity,
      state: "billed" as const,
    },
  });
  const lines = [line(0, "i-1", "3"), line(2, "i-2", "9"), line(99, "i-1", "1", H + HOUR)];
  const whole = { accountNo: 1, source: "sdr.csv", complete: true, askedAt: NOW, duplicateCodes: [] };
  await takeStatement(ledger.pool, { ...whole, range: { from: H, to: H + 1 }, lines }, NOW);
  await valueFindings(ledger.pool, 1, NOW);
  const bill = (n: number, instanceId: string, amount: string) => ({
    ...{
      line: n,
      month: "2026-03-01",
      usageMonth: "2026-03-01",
      sn: null,
      instanceId,
      product: null,
      customer: null,
    },
    ...{ orderId: null, quantity: null, amount, currency: "CNY", refund: false, begin: null, end: null },
  });
  const money = {
    accountNo: 1,
    source: "bill.csv",
    complete: false,
    period: monthPeriod("2026-03", 8 * HOUR),
    dayOffset: 8 * HOUR,
  };
  await takeBill(ledger.pool, { ...money, lines: [bill(2, "i-1", "1.90"), bill(3, "i-2", "2.00")] }, NOW);
  await ledger.rows(
    `INSERT INTO residues SELECT instance_no, to_timestamp(${seconds(H)}), -1.5 FROM instances WHERE instance_id = 'i-3';
     INSERT INTO unbillable SELECT instance_no, to_timestamp(${seconds(H)}), 2, 'no second' FROM instances WHERE instance_id = 'i-3';
     INSERT INTO hours (hour, shard, status, reason, sealed_at)
     VALUES (to_timestamp(${seconds(H)}), 0, 'complete', '', now()), (to_timestamp(${seconds(H)}), 1, 'incomplete', 'not heard: //gw', now()),
       (to_timestamp(${seconds(H + HOUR)}), 0, 'complete', '', now());
     INSERT INTO sources (source) VALUES ('//gw');
     INSERT INTO events (source_no, instance_no, key, timed, occurred, bill_hour, quantity, id)
     SELECT 1, i.instance_no, gen_random_uuid(), false, now(), to_timestamp(${seconds(H)}), q, id
     FROM instances i, (VALUES (8::numeric, 'e1'), (-3, 'c1')) AS t (q, id) WHERE i.instance_id = 'i-1';
     INSERT INTO events (source_no, key, timed, occurred, quantity, id)
     VALUES (1, gen_random_uuid(), false, now(), 6, 'w1'), (1, gen_random_uuid(), false, now(), 2.5, 'w2');
     INSERT INTO quarantine (source_no, key, account, reason, subject, meter, quarantined_at)
     SELECT 1, key, NULL, 'unknown_instance', 'gamma', 'tokens', to_timestamp(${seconds(NOW)}) FROM events WHERE id = 'w1';
     INSERT INTO quarantine (source_no, key, account, reason, subject, meter, quarantined_at, written_off_at)
     SELECT 1, key, 'koogallery-cn', 'instance_closed', 'delta', 'tokens', to_timestamp(${seconds(NOW)}), to_timestamp(${seconds(NOW)})
     FROM events WHERE id = 'w2';
     INSERT INTO corrections SELECT 1, c.key, e.key, 5, -3, c.instance_no, c.bill_hour, now(), now()
     FROM events c, events e WHERE c.id = 'c1' AND e.id = 'e1'`,
  );
  await keepCases(ledger.pool, 1, NOW);
});
afterAll(() => ledger.end());

/** Computed by hand: 3 × 0.3 + 5 × 0.2 = 1.90; 8 units also 1.90; 10 more units 2.00; 4 calls 8. */
const ANSWERS: [question: RegExp, answer: () => unknown[][]][] = [
  [
    /^What was filed, by product and day/,
    () =>
      [
        ["accepted", "5.0000"],
        ["billed", "3.0000"],
        ["conflict", "8.0000"],
        ["missing", "4.0000"],
        ["rejected_final", "10.0000"],
      ].map(([state, quantity]) => ["product", "2026-03-01", "unit", state, quantity, "1"]),
  ],
  [/^What was billed/, () => [["product", "unit", "3.0000"]]],
  [/^What should March/, () => [["product", "CNY", "9.9", "0.9"]]],
  [
    /bill agree/,
    () => [
      ["i-1", "1.9", "1.90"],
      ["i-2", null, "2.00"],
      ["i-3", "8", null],
    ],
  ],
  [/^What is accepted/, () => [["product", 1, "1"]]],
  [
    /^Where do we/,
    () => [
      ["missing", sns[4], "4.0000", null, "8", "CNY"],
      ["extra", "i-2", null, "2.00", "2.00", "CNY"],
      ["extra", "theirs", null, "1", "0.3", "CNY"],
      ["different", sns[2], "8.0000", "9", "0.2", "CNY"],
    ],
  ],
  [
    /^What did refused/,
    () => [
      ["conflict", 1, "1.9"],
      ["rejected_final", 1, "2.3"],
    ],
  ],
  [
    /^Which records make/,
    () => [
      [sns[0], H, "3.0000", "0.9"],
      [sns[1], H + HOUR, "5.0000", "1"],
    ],
  ],
  [/^Which customers/, () => [["acme", "i-3", "1.5", "3", "CNY", true]]],
  [/^What was corrected/, () => [["e1", "5", "-3", H]]],
  [
    /^What has somebody/,
    () => [
      ["record_conflict", sns[2], null, true],
      ["record_rejected_final", sns[3], null, true],
      ["extra", "theirs", null, true],
      ["bill_extra", "2026-03 i-2 CNY", null, true],
      ["unbillable", "i-3 2026-03-01T10:00:00Z", null, true],
    ],
  ],
  [
    /^What was used/,
    () => [
      ["no second", "calls", "2"],
      ["waits", "tokens", "6"],
    ],
  ],
  [/^What did somebody give up/, () => [["quarantine", "instance_closed", "tokens", "1", "2.5"]]],
  [/^Which hours/, () => [[H, "not heard: //gw"]]],
];

test("docs/finance.md asks as many questions as are answered here", () => {
  expect(QUESTIONS.size).toBe(ANSWERS.length);
});

test.each(ANSWERS)(
  "%s is answered as by hand, by the role that reads nothing else",
  async (question, answer) => {
    const [, sql] = [...QUESTIONS].find(([text]) => question.test(text))!;
    const rows = await inTransaction(ledger.pool, async (db) => {
      await db.query("SET LOCAL ROLE billing_reader");
      return (await db.query<Record<string, unknown>>(sql)).rows;
    });
    const sorted = (lists: unknown[][]) =>
      /somebody/.test(question.source) ? lists.map(String).sort() : lists;
    expect(sorted(rows.map((row) => Object.values(row)))).toEqual(sorted(answer()));
  },
);

test("the reader reads the views, and neither tables nor writes", async () => {
  const asReader = (sql: string) =>
    inTransaction(ledger.pool, async (db) => {
      await db.query("SET LOCAL ROLE billing_reader");
      return db.query(sql);
    });
  const views = await ledger.rows<{ name: string }>(
    "SELECT viewname AS name FROM pg_views WHERE schemaname = 'billing' ORDER BY 1",
  );
  expect(views.length).toBeGreaterThan(12);
  for (const { name } of views) await asReader(`SELECT * FROM billing.${name} LIMIT 1`);
  for (const table of ["records", "api_keys", "events", "audit"])
    await expect(asReader(`SELECT * FROM public.${table}`)).rejects.toThrow("permission denied");
  await expect(asReader("CREATE TABLE billing.x (y int)")).rejects.toThrow("permission denied");
});

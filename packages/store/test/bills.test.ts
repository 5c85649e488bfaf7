import { billPeriod, DAY, HOUR, type Period } from "@quarterpast/domain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fileRecords, H, openLedger, type Ledger } from "@quarterpast/testkit";
import type { KeptBillLine } from "../src/reconcile/billLines.js";
import { takeBill } from "../src/reconcile/bills.js";
import { listFindings, noteLate, settleFinding, valueFindings } from "../src/reconcile/findings.js";
import { addPlan } from "../src/finance/prices.js";
import { takeStatement } from "../src/reconcile/takeStatement.js";

const NOW = H + 50 * HOUR;
let ledger: Ledger;
let sns: string[];
beforeEach(async () => {
  ledger = await openLedger();
  await ledger.meter("tokens", "sum");
  for (const id of ["i-1", "i-2", "i-3"]) await ledger.instance(id, "tokens", `customer of ${id}`);
  const bands = [{ upTo: null, unitPrice: "0.333" }];
  const plan = {
    product: "product",
    meter: "tokens",
    validFrom: H - HOUR,
    model: "fixed",
    currency: "CNY",
  } as const;
  const rest = { period: "month", free: "0", bands } as const;
  await addPlan(ledger.pool, { accountNo: 1, keyId: "k" }, { ...plan, ...rest }, H);
  sns = await fileRecords(ledger, [
    { instanceId: "i-1", begin: H, quantity: "10.0000" },
    { instanceId: "i-1", begin: H + HOUR, quantity: "20.0000" },
    { instanceId: "i-2", begin: H, quantity: "100.0000" },
  ]);
});
afterEach((context) => ledger.end(context.task.result?.state === "fail"));

const line = (n: number, change: Partial<KeptBillLine>): KeptBillLine => ({
  line: n,
  month: "2026-03-01",
  usageMonth: "2026-03-01",
  ...{ begin: null, end: null },
  ...{ sn: null, instanceId: null, product: null, customer: null, orderId: null, quantity: null },
  amount: "0",
  currency: "CNY",
  refund: false,
  ...change,
});
const OFFSET = 8 * HOUR;
const take = (
  lines: KeptBillLine[],
  complete = true,
  period: Period | undefined = billPeriod(lines, OFFSET),
) => takeBill(ledger.pool, { accountNo: 1, source: "bill.xlsx", complete, lines, period }, NOW);
const standing = async (kind?: "late") =>
  (
    await listFindings(ledger.pool, "koogallery-cn", {
      standing: kind === undefined,
      kind,
      after: "",
      limit: 100,
    })
  ).map(({ kind, key, ours, theirs, atStake }) => [kind, key, ours, theirs, atStake]);

describe("a bill", () => {
  test("agrees where each of its lines is rounded by itself", async () => {
    // 3.33 + 6.66 = 9.99 and 33.30: exact. A line of 3.334 would be rounded to 3.33.
    const found = await take([
      line(2, { instanceId: "i-1", amount: "3.33" }),
      line(3, { instanceId: "i-1", amount: "6.665" }),
      line(4, { instanceId: "i-2", amount: "33.30" }),
    ]);
    expect(found).toMatchObject({ agreed: 1, different: 1 });
    expect(await standing()).toEqual([["different", "i-1", "9.99", "9.995", "0.005"]]);
    expect(
      await take([
        line(2, { instanceId: "i-1", amount: "9.99" }),
        line(3, { instanceId: "i-2", amount: "33.3" }),
      ]),
    ).toMatchObject({ agreed: 2, different: 0 });
    expect(await standing()).toEqual([]);
  });

  test("shows what is missing, extra, different, late and given back, each with its money", async () => {
    const found = await take([
      line(2, { instanceId: "i-1", amount: "5" }),
      line(3, { instanceId: "i-3", amount: "7", month: "2026-04-01" }),
      line(4, { instanceId: "i-1", amount: "-1", refund: true, orderId: "o-1" }),
    ]);
    expect(found).toMatchObject({ agreed: 0, missing: 1, extra: 1, different: 1, late: 1, refunded: 1 });
    expect((await standing()).sort()).toEqual([
      ["different", "i-1", "9.99", "5", "4.99"],
      ["extra", "i-3", null, "7", "7"],
      ["missing", "i-2", "33.3", null, "33.3"],
      ["refunded", "i-1", null, "-1", "1"],
    ]);
    expect(await standing("late")).toEqual([["late", "i-3", null, "7", "0"]]);
    await take([line(2, { instanceId: "i-1", amount: "5" })]);
    expect(await standing()).toHaveLength(4);
  });

  test("that is not complete raises no alarm about what it lacks, but shows what is too much", async () => {
    expect(await take([line(2, { instanceId: "i-1", amount: "3.33" })], false)).toMatchObject({
      ...{ agreed: 1, missing: 0, different: 0 },
    });
    await take([line(2, { instanceId: "i-1", amount: "10.00" })], false);
    expect(await standing()).toEqual([["different", "i-1", "9.99", "10", "0.01"]]);
  });

  test("that shows again what a person has settled is no news; another amount is", async () => {
    await take([line(2, { instanceId: "i-1", amount: "5" }), line(3, { instanceId: "i-2", amount: "33.3" })]);
    const [finding] = await listFindings(ledger.pool, "koogallery-cn", {
      standing: true,
      after: "",
      limit: 9,
    });
    const actor = { accountNo: 1, keyId: "k" };
    expect(await settleFinding(ledger.pool, actor, finding!.id, "told by telephone", NOW)).toBe(true);
    await take([line(2, { instanceId: "i-1", amount: "5" }), line(3, { instanceId: "i-2", amount: "33.3" })]);
    expect(await standing()).toEqual([]);
    await take([line(2, { instanceId: "i-1", amount: "6" }), line(3, { instanceId: "i-2", amount: "33.3" })]);
    expect(await standing()).toEqual([["different", "i-1", "9.99", "6", "3.99"]]);
  });

  test("is compared by record where it names them, by product where it names nothing finer", async () => {
    await take([line(2, { sn: sns[0]!, amount: "3.34" })], false);
    await take([line(2, { product: "product", amount: "43.29" })]);
    expect(await standing()).toEqual([["different", sns[0], "3.33", "3.34", "0.01"]]);
  });
});

describe("what a bill covers", () => {
  const all = () => [
    line(2, { sn: sns[0]!, amount: "3.33", begin: H }),
    line(3, { sn: sns[2]!, amount: "33.3", begin: H }),
  ];
  test("is the hours that its lines tell: a whole file of one hour says nothing of the next", async () => {
    expect(await take(all())).toMatchObject({ agreed: 2, missing: 0 });
  });

  test("may be given: then what is missing at its end is missed", async () => {
    expect(await take(all(), true, { from: H, to: H + 2 * HOUR })).toMatchObject({ agreed: 2, missing: 1 });
    expect(await standing()).toEqual([["missing", sns[1], "6.66", null, "6.66"]]);
  });

  test("is its month where lines tell no time; usage of the month before is set against that month's bill", async () => {
    const february = { month: "2026-02-01", usageMonth: "2026-02-01" };
    await fileRecords(ledger, [
      { instanceId: "i-1", begin: H - 5 * DAY, quantity: "10.0000" },
      { instanceId: "i-1", begin: H - 4 * DAY, quantity: "1.0000" },
    ]);
    await addPlan(
      ledger.pool,
      { accountNo: 1, keyId: "k" },
      {
        ...{ product: "product", meter: "tokens", validFrom: H - 9 * DAY, model: "fixed", currency: "CNY" },
        ...{ period: "month", free: "0", bands: [{ upTo: null, unitPrice: "0.333" }] },
      } as const,
      H,
    );
    expect(await take([line(2, { ...february, instanceId: "i-1", amount: "0.33" })])).toMatchObject({
      different: 1,
    });
    const march = [
      line(2, { instanceId: "i-1", amount: "9.99" }),
      line(3, { instanceId: "i-2", amount: "33.3" }),
      line(4, { instanceId: "i-1", amount: "3.33", usageMonth: "2026-02-01" }),
    ];
    expect(await take(march)).toMatchObject({ agreed: 3, missing: 0, different: 0, late: 1 });
    expect(await standing()).toEqual([]);
    expect(await standing("late")).toEqual([["late", "i-1", null, "3.33", "0"]]);
    // The February bill again: what March charged late is known.
    expect(await take([line(2, { ...february, instanceId: "i-1", amount: "0.33" })])).toMatchObject({
      agreed: 1,
    });
  });

  test("decides what counts once: days stand in their month's bill again, and a file imported twice", async () => {
    const sum = async () =>
      (await ledger.rows("SELECT sum(amount)::text AS sum FROM billing.bill_lines WHERE NOT superseded"))[0]!
        .sum;
    await take(all());
    await take(all());
    expect(await sum()).toBe("36.63");
    await take([
      line(2, { instanceId: "i-1", amount: "9.99" }),
      line(3, { instanceId: "i-2", amount: "33.3" }),
    ]);
    expect(await sum()).toBe("43.29");
    await take(all());
    expect(await sum()).toBe("43.29");
  });
});

test("an SDR list covers whole hours: what is missing at its end is missed, the next hour is not", async () => {
  const lines = [
    {
      ...{ serialNumber: sns[0]!, instanceId: "i-1", begin: H, end: H + HOUR },
      ...{ quantity: "10", state: "billed" as const, collectedAt: H + 3 * HOUR },
    },
  ];
  const statement = { accountNo: 1, source: "x", complete: true, askedAt: NOW, lines, duplicateCodes: [] };
  expect(await takeStatement(ledger.pool, statement, NOW)).toMatchObject({ missing: 1, late: 1 });
  expect([...(await standing()), ...(await standing("late"))].map(([kind, key]) => [kind, key])).toEqual([
    ["missing", sns[2]],
    ["late", sns[0]],
  ]);
  const told = { ...statement, range: { from: H, to: H + 2 * HOUR } };
  expect(await takeStatement(ledger.pool, told, NOW)).toMatchObject({ missing: 1, late: 0 });
});

test("an SDR list's differences carry the money at stake", async () => {
  const stated = (n: number, quantity: string, state: "billed" | "abnormal", code?: string) => ({
    serialNumber: sns[n]!,
    instanceId: n < 2 ? "i-1" : "i-2",
    begin: H,
    end: H + HOUR,
    quantity,
    state,
    code,
  });
  const { statementId } = await takeStatement(
    ledger.pool,
    {
      accountNo: 1,
      source: "sdr.csv",
      complete: true,
      askedAt: NOW,
      range: { from: H, to: H + 5 * HOUR },
      lines: [
        stated(0, "12.0000", "billed"),
        stated(2, "100", "abnormal", "003"),
        { ...stated(0, "1000", "billed"), serialNumber: "theirs" },
      ],
      duplicateCodes: ["005", "010"],
    },
    NOW,
  );
  expect(await valueFindings(ledger.pool, 1, NOW)).toBe(4);
  expect(await valueFindings(ledger.pool, 1, NOW)).toBe(0);
  expect((await standing()).sort()).toEqual(
    [
      ["abnormal", sns[2], "100", "100", "33.3"],
      ["different", sns[0], "10", "12", "0.666"],
      ["extra", "theirs", null, "1000", "333"],
      ["missing", sns[1], "20", null, "6.66"],
    ].sort(),
  );
  const collected = [
    { sn: sns[0]!, collectedAt: H + HOUR + HOUR / 4 + 1 },
    { sn: sns[2]!, collectedAt: H + 3 * HOUR },
  ];
  expect(await noteLate(ledger.pool, statementId, collected, NOW)).toBe(1);
  expect(await noteLate(ledger.pool, statementId, collected, NOW)).toBe(0);
  await valueFindings(ledger.pool, 1, NOW);
  expect(await standing("late")).toEqual([["late", sns[2], "100", null, "0"]]);
});

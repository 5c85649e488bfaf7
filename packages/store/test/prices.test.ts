import {
  chargeAll,
  HOUR,
  toUnits,
  trimDecimal,
  type PriceModel,
  type PricePeriod,
  type PricePlan,
} from "@quarterpast/domain";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fileRecords, at, H, openLedger, type Ledger } from "@quarterpast/testkit";
import { listAudit } from "../src/catalog/audit.js";
import { addPlan, listPlans, readRevenue, type NewPlan } from "../src/finance/prices.js";

let ledger: Ledger;
beforeEach(async () => {
  ledger = await openLedger();
  await ledger.meter("tokens", "sum");
  for (const id of ["i-1", "i-2"]) await ledger.instance(id, "tokens", `customer of ${id}`);
});
afterEach((context) => ledger.end(context.task.result?.state === "fail"));

const actor = () => ({ accountNo: ledger.account.accountNo, keyId: "finance1" });
const BANDS = [
  { upTo: "3", unitPrice: "0.3" },
  { upTo: null, unitPrice: "0.2" },
];
const plan = (given: Partial<NewPlan> = {}): NewPlan => ({
  product: "product",
  meter: "tokens",
  validFrom: H - 24 * HOUR,
  model: "step",
  currency: "CNY",
  period: "month",
  free: "0",
  bands: BANDS,
  ...given,
});
const add = (given: Partial<NewPlan> = {}) => addPlan(ledger.pool, actor(), plan(given), H);
const amounts = (where = "true") =>
  ledger.rows<{ sn: string; amount: string | null; month: unknown }>(
    `SELECT sn, amount::text, month::text AS month FROM billing.revenue WHERE ${where} ORDER BY instance_id, begin_at`,
  );

describe("price plans", () => {
  test("are added, repeated, superseded, never changed, and each act is audited", async () => {
    expect(await add()).toMatchObject({ outcome: "created", plan: { planId: 1 } });
    expect(await add()).toMatchObject({ outcome: "unchanged", plan: { planId: 1, free: "0", bands: BANDS } });
    expect(await add({ free: "1.5" })).toMatchObject({ outcome: "created", plan: { planId: 2 } });
    expect(await add({ meter: "calls" })).toEqual({ outcome: "unknown_meter", meter: "calls" });
    expect(await listPlans(ledger.pool, 1, { after: 0, limit: 9 })).toMatchObject([
      { planId: 1, free: "0" },
      { planId: 2, free: "1.5", validFrom: H - 24 * HOUR },
    ]);
    await expect(ledger.rows("UPDATE price_plans SET free = 0")).rejects.toThrow("append-only");
    expect(await listAudit(ledger.pool, [1], { seller: true, limit: 9 })).toMatchObject([
      {
        act: "prices.add",
        ref: "product tokens",
        before: { planId: 1 },
        after: { free: "1.5" },
        keyId: "finance1",
      },
      { before: null, after: { free: "0" } },
    ]);
    await expect(ledger.rows("DELETE FROM audit")).rejects.toThrow("append-only");
  });

  test("added at once from two sides are one", async () => {
    const added = await Promise.all([add(), add()]);
    expect(added.map(({ outcome }) => outcome).sort()).toEqual(["created", "unchanged"]);
  });
});

describe("expected revenue", () => {
  test("of a step price is 1.90 for 3 + 5, in the month of the marketplace's own days", async () => {
    await add();
    await fileRecords(ledger, [
      { instanceId: "i-1", begin: H, quantity: "3.0000" },
      { instanceId: "i-1", begin: H + HOUR, quantity: "5.0000" },
      // 2026-04-01 in Beijing: another month, so the bands start over.
      { instanceId: "i-1", begin: at("2026-03-31T16:00:00Z"), quantity: "8.0000" },
    ]);
    expect(await amounts()).toMatchObject([
      { amount: "0.9", month: "2026-03-01" },
      { amount: "1", month: "2026-03-01" },
      { amount: "1.9", month: "2026-04-01" },
    ]);
    const month = { month: "2026-03-01", by: "product" as const, after: [], limit: 9 };
    expect(await readRevenue(ledger.pool, ledger.account.code, month)).toEqual([
      {
        key: "product",
        unit: "unit",
        currency: "CNY",
        bill: null,
        records: 2,
        quantity: "8",
        expected: "1.9",
        billed: null,
        unpriced: 0,
      },
    ]);
  });

  test("falls into the account's month, whether a price is known or not", async () => {
    await fileRecords(ledger, [
      { instanceId: "i-1", begin: at("2026-03-31T15:00:00Z"), quantity: "1.0000" },
      // 2026-04-01 in Beijing.
      { instanceId: "i-1", begin: at("2026-03-31T17:00:00Z"), quantity: "2.0000" },
    ]);
    expect(await amounts()).toMatchObject([
      { amount: null, month: "2026-03-01" },
      { amount: null, month: "2026-04-01" },
    ]);
    await add();
    expect((await amounts()).map(({ month }) => month)).toEqual(["2026-03-01", "2026-04-01"]);
    await ledger.rows("UPDATE accounts SET day_offset_minutes = 0");
    expect((await amounts()).map(({ month }) => month)).toEqual(["2026-03-01", "2026-03-01"]);
  });

  test("of a tier price is 1.60 for one record of 8 and 1.90 for 3 + 5", async () => {
    await add({ model: "tier" });
    await fileRecords(ledger, [
      { instanceId: "i-1", begin: H, quantity: "8.0000", state: "billed" },
      { instanceId: "i-2", begin: H, quantity: "3.0000" },
      { instanceId: "i-2", begin: H + HOUR, quantity: "5.0000" },
    ]);
    const month = { month: "2026-03-01", by: "instance" as const, after: [], limit: 9 };
    expect(await readRevenue(ledger.pool, ledger.account.code, month)).toMatchObject([
      { key: "i-1", expected: "1.6", billed: "1.6" },
      { key: "i-2", expected: "1.9", billed: null },
    ]);
  });

  test("leaves out what was refused, void or replaced, and says what it would have brought in", async () => {
    await add();
    const [first] = await fileRecords(ledger, [
      { instanceId: "i-1", begin: H, quantity: "3.0000", state: "abnormal" },
      { instanceId: "i-1", begin: H + HOUR, quantity: "5.0000" },
    ]);
    expect(await amounts()).toMatchObject([{ amount: "0.9" }, { amount: "1.3" }]);
    await fileRecords(ledger, [
      { instanceId: "i-1", begin: H, quantity: "2.0000", part: "0r1", kind: "rereport", replaces: first! },
    ]);
    expect(await amounts("expected")).toMatchObject([{ amount: "0.6" }, { amount: "1.1" }]);
  });

  test("takes the plan that was valid when the record began, and none before the first", async () => {
    await add({ validFrom: H, model: "fixed", bands: [{ upTo: null, unitPrice: "1" }] });
    await add({ validFrom: H + HOUR, model: "fixed", bands: [{ upTo: null, unitPrice: "2" }] });
    await fileRecords(
      ledger,
      [-1, 0, 1, 2].map((n) => ({ instanceId: "i-1", begin: H + n * HOUR, quantity: "1.5000" })),
    );
    expect((await amounts()).map(({ amount }) => amount)).toEqual([null, "1.5", "3", "3"]);
    expect(await ledger.rows("SELECT unpriced, currency FROM billing.revenue_by_month ORDER BY 1")).toEqual([
      { unpriced: 0, currency: "CNY" },
      { unpriced: 1, currency: null },
    ]);
  });

  test("does not charge what a package gave", async () => {
    await add({ model: "fixed", bands: [{ upTo: null, unitPrice: "1" }] });
    await fileRecords(ledger, [{ instanceId: "i-1", begin: H, quantity: "10.0000" }]);
    await ledger.rows(`WITH s AS (
        INSERT INTO subscriptions (account_no, instance_id, order_id, item, version, state, received_at)
        VALUES (1, 'p-1', 'o', 'i', 'v2', 'active', now()) RETURNING subscription_no
      ), p AS (
        INSERT INTO packages (subscription_no, account_no, subject, meter_no, quota, reset_rule, deduction_order, stops, starts)
        SELECT subscription_no, 1, 'customer of i-1', 1, 100, 'none', 0, false, now() FROM s RETURNING package_no
      )
      INSERT INTO deductions SELECT package_no, instance_no, to_timestamp(${H / 1e6}), now(), 4 FROM p, instances WHERE instance_id = 'i-1'`);
    expect(await ledger.rows("SELECT from_packages::text, amount::text FROM billing.revenue")).toEqual([
      { from_packages: "4.0000", amount: "6" },
    ]);
  });
});

test("SQL and domain charge the same, whatever the plan and the usage", async () => {
  const money = fc.integer({ min: 0, max: 9_999_999 }).map((n) => trimDecimal((n / 1e5).toFixed(5)));
  const quantity = fc.integer({ min: 0, max: 999_999 }).map((n) => trimDecimal((n / 1e4).toFixed(4)));
  const plans = fc.record({
    model: fc.constantFrom<PriceModel>("fixed", "step", "tier"),
    free: quantity,
    ends: fc.uniqueArray(fc.integer({ min: 1, max: 120 }), { maxLength: 4 }),
    prices: fc.array(money, { minLength: 5, maxLength: 5 }),
    quantities: fc.array(quantity, { minLength: 1, maxLength: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(plans, async ({ model, free, ends, prices, quantities }) => {
      const ups = model === "fixed" ? [] : [...ends].sort((a, b) => a - b).map(String);
      const bands = [...ups, null].map((upTo, n) => ({ upTo, unitPrice: prices[n]! }));
      const one: PricePlan = { model, currency: "CNY", period: "month" as PricePeriod, free, bands };
      const ours = chargeAll(
        one,
        quantities.map((text) => ({ period: "", quantity: text })),
      );
      const rows = await ledger.rows<{ amount: string }>(
        `SELECT billing.charge($1, $2::jsonb, $3, COALESCE(sum(q) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1
           PRECEDING), 0), q)::text AS amount FROM unnest($4::numeric[]) WITH ORDINALITY AS t (q, n) ORDER BY n`,
        [model, JSON.stringify(bands), free, quantities],
      );
      expect(rows.map(({ amount }) => toUnits(amount, 12))).toEqual(
        ours.map((amount) => toUnits(amount, 12)),
      );
    }),
    { numRuns: 300 },
  );
});

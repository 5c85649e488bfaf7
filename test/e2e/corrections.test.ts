import {
  addDecimals,
  HOUR,
  MINUTE,
  shardOf,
  trimDecimal,
  type Micros,
  type UsageEvent,
} from "@quarterpast/domain";

import { createLogger, fixedClock, type FixedClock } from "@quarterpast/runtime";
import { addSealedHour, ensureTotalMarks, findCase, keepCases } from "@quarterpast/store";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createCorrector, type Corrector } from "../../services/aggregator/src/correct.js";
import { countBatch } from "../../services/aggregator/src/count.js";
import { freezeRecords } from "../../services/reporter/src/freeze.js";
import { sealDueHours } from "../../services/reporter/src/seal.js";
import { batchOf, H, openLedger, usage, type Ledger } from "@quarterpast/testkit";
import { openMarketplace } from "@quarterpast/testkit/marketplace";

const logger = createLogger({ service: "test", level: "silent" });
let ledger: Ledger;
let clock: FixedClock;
let corrector: Corrector;
beforeEach(async () => void (await open()));
afterEach((context) => ledger.end(context.task.result?.state === "fail"));

async function open(): Promise<void> {
  ledger = await openLedger();
  clock = fixedClock(H + 30 * MINUTE, Date.now() * 1_000);
  corrector = createCorrector({ pool: ledger.pool, now: () => clock.now() });
  await ledger.meter("tokens", "sum");
  await ledger.meter("calls", "count");
  await ledger.meter("seats", "max");
  for (const meter of ["tokens", "calls", "seats"]) await ledger.instance(`i-${meter}`, meter, "customer-1");
}

const market = openMarketplace({
  baseUrl: "http://127.0.0.1:9",
  key: "a-key-for-tests",
  nonce: () => "n",
});

type Given = Partial<UsageEvent> & { corrects?: string; cancels?: string };
function event({ corrects, cancels, ...given }: Given): UsageEvent {
  if (corrects === undefined && cancels === undefined) return usage(given);
  const extensions: Record<string, string> = corrects === undefined ? { cancels: cancels! } : { corrects };
  return usage({ ...given, extensions });
}
async function count(...given: Given[]): Promise<void> {
  await countBatch({ pool: ledger.pool, now: () => clock.now() }, batchOf(given.map(event)));
}
async function correct(): Promise<void> {
  while ((await corrector.run()) > 0);
}
/** Seals and freezes every hour that begins before this one. */
async function close(before: Micros): Promise<void> {
  clock.set(Math.max(clock.now(), before + 10 * MINUTE));
  while (await sealDueHours({ pool: ledger.pool, clock, logger }));
  while (
    await freezeRecords({
      pool: ledger.pool,
      clock,
      account: ledger.account,
      profile: market,
      recordsPerCall: 1_000,
    })
  );
}
const billed = async (instance = "i-tokens") =>
  (
    await ledger.rows<{ hour: Micros; quantity: string }>(
      "SELECT r.hour, r.quantity::text FROM records r JOIN instances USING (instance_no) WHERE instance_id = $1 ORDER BY r.hour, r.part::int",
      [instance],
    )
  ).map(({ hour, quantity }) => [(hour - H) / HOUR, trimDecimal(quantity)]);
const credits = () =>
  ledger.rows("SELECT instance_id, quantity::text, refund_due FROM billing.credits ORDER BY instance_id");
const waiting = async () =>
  (
    await ledger.rows<{ reason: string }>(
      "SELECT reason FROM quarantine WHERE released_at IS NULL ORDER BY reason",
    )
  ).map(({ reason }) => reason);

describe("a correcting event", () => {
  test("nets out before the hour is sealed, whichever comes first", async () => {
    await count({ id: "c1", corrects: "e1", quantity: "5" });
    await correct();
    expect(await waiting()).toEqual(["correction_waits"]);
    await count({ id: "e1", quantity: "50" }, { id: "e2", quantity: "1.5" }, { id: "e3", quantity: "7" });
    await count({ id: "c3", cancels: "e3", time: H + 20 * MINUTE });
    await correct();
    expect(await waiting()).toEqual([]);
    await close(H + HOUR);
    expect(await billed()).toEqual([[0, "6.5"]]);
    expect(
      await ledger.rows(
        "SELECT corrects, quantity::text, delta::text FROM billing.corrections ORDER BY corrects",
      ),
    ).toEqual([
      { corrects: "e1", quantity: "5", delta: "-45" },
      { corrects: "e3", quantity: "0", delta: "-7" },
    ]);
  });

  test("rolls forward after sealing, as a credit against coming usage, or listed for refund", async () => {
    await count({ id: "e1", quantity: "10" });
    await close(H + HOUR);
    await count({ id: "c1", corrects: "e1", quantity: "2.5", time: H + HOUR });
    await correct();
    await count({ quantity: "3", time: H + HOUR });
    await close(H + 2 * HOUR);
    expect(await billed()).toEqual([[0, "10"]]);
    expect(await credits()).toEqual([{ instance_id: "i-tokens", quantity: "4.5", refund_due: false }]);
    await count({ quantity: "6", time: H + 2 * HOUR });
    await close(H + 3 * HOUR);
    expect(await billed()).toEqual([
      [0, "10"],
      [2, "1.5"],
    ]);
    expect(await credits()).toEqual([]);
    await count({ id: "c2", cancels: "c1", time: H + 3 * HOUR });
    await correct();
    await ledger.rows("UPDATE instances SET closed = to_timestamp($1) WHERE instance_id = 'i-tokens'", [
      (H + 3 * HOUR) / 1e6,
    ]);
    await close(H + 4 * HOUR);
    expect(await credits()).toEqual([{ instance_id: "i-tokens", quantity: "2.5", refund_due: true }]);
  });

  test("comes off the instance's total, though its hour by itself is below zero", async () => {
    await ensureTotalMarks(ledger.pool);
    await count({ id: "e1", quantity: "10" });
    await close(H + HOUR);
    await count({ id: "c1", corrects: "e1", quantity: "2.5", time: H + HOUR });
    await correct();
    await close(H + 2 * HOUR);
    while (await addSealedHour(ledger.pool, shardOf("i-tokens")));
    expect(await ledger.rows("SELECT trim_scale(quantity)::text AS quantity FROM usage_totals")).toEqual([
      { quantity: "2.5" },
    ]);
  });

  test("upwards bills more", async () => {
    await count({ id: "e1", quantity: "1" });
    await close(H + HOUR);
    await count({ id: "c1", corrects: "e1", quantity: "4", time: H + HOUR });
    await correct();
    await close(H + 2 * HOUR);
    expect(await billed()).toEqual([
      [0, "1"],
      [1, "3"],
    ]);
  });

  test("is counted once, however often it is sent, and by however many at once", async () => {
    await count({ id: "e1", quantity: "10" });
    for (let n = 0; n < 3; n += 1) await count({ id: "c1", corrects: "e1", quantity: "4" });
    const second = createCorrector({ pool: ledger.pool, now: () => clock.now() });
    await Promise.all([corrector.run(), second.run(), corrector.run()]);
    await count({ id: "c1", corrects: "e1", quantity: "4" });
    await correct();
    await close(H + HOUR);
    expect(await billed()).toEqual([[0, "4"]]);
  });

  test("with other content under the same id is a conflict, and changes nothing", async () => {
    await count({ id: "e1", quantity: "10" }, { id: "e2", quantity: "10" });
    await count({ id: "c1", corrects: "e1", quantity: "4" });
    await count({ id: "c1", corrects: "e2", quantity: "4" });
    await correct();
    await close(H + HOUR);
    expect(await billed()).toEqual([[0, "14"]]);
    expect(await ledger.rows("SELECT subject FROM conflicts")).toHaveLength(1);
  });

  test("of an event that was corrected before waits for a person; the correcting event can be corrected", async () => {
    await count({ id: "e1", quantity: "10" });
    await count({ id: "c1", corrects: "e1", quantity: "4" });
    await correct();
    await count({ id: "c2", corrects: "e1", quantity: "1" }, { id: "c3", corrects: "c1", quantity: "6" });
    await correct();
    expect(await waiting()).toEqual(["corrected_already"]);
    expect((await keepCases(ledger.pool, 1, clock.now() + HOUR)).opened).toBe(1);
    expect(await findCase(ledger.pool, { accountNos: [1], seller: false }, 1)).toMatchObject({
      kind: "quarantine",
      ref: "corrected_already tokens customer-1",
    });
    await close(H + HOUR);
    expect(await billed()).toEqual([[0, "6"]]);
  });

  test("cancels counts, and says so if a meter cannot be corrected", async () => {
    await count(
      { id: "n1", meter: "calls" },
      { id: "n2", meter: "calls" },
      { id: "m1", meter: "seats", quantity: "9" },
    );
    await count(
      { id: "x1", meter: "calls", cancels: "n1" },
      { id: "x2", meter: "calls", corrects: "n2", quantity: "1" },
    );
    await count({ id: "x3", meter: "seats", cancels: "m1" }, { id: "x4", meter: "tokens", cancels: "n2" });
    await correct();
    expect(await waiting()).toEqual([
      "correction_impossible",
      "correction_impossible",
      "correction_mismatch",
    ]);
    await close(H + HOUR);
    expect(await billed("i-calls")).toEqual([[0, "1"]]);
    await count({ id: "x5", meter: "calls", cancels: "x1" });
    await correct();
    expect(await waiting()).toContain("correction_impossible");
    expect(await billed("i-seats")).toEqual([[0, "9"]]);
  });
});

test("whatever is corrected whenever: corrected usage = billed + residue − credit", async () => {
  const quantity = fc.integer({ min: 0, max: 3_000_000 }).map((n) => trimDecimal((n / 1e5).toFixed(5)));
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("use" as const),
        quantity,
        late: fc.integer({ min: 0, max: 2 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("correct" as const), quantity, which: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("cancel" as const), which: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("close" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("count" as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      await ledger.end();
      await open();
      // The final quantity of each usage, and the event that decides it.
      const truth: { head: string; quantity: string }[] = [];
      let [hour, id] = [H, 0];
      for (const one of steps) {
        const name = `e${(id += 1)}`;
        const target = "which" in one && truth.length > 0 ? truth[one.which % truth.length] : undefined;
        if (one.do === "use") {
          await count({ id: name, quantity: one.quantity, time: hour - one.late * HOUR + MINUTE });
          truth.push({ head: name, quantity: one.quantity });
        } else if (one.do === "correct" && target) {
          await count({ id: name, corrects: target.head, quantity: one.quantity, time: hour });
          Object.assign(target, { head: name, quantity: one.quantity });
        } else if (one.do === "cancel" && target) {
          await count({ id: name, cancels: target.head, time: hour });
          Object.assign(target, { head: name, quantity: "0" });
        } else if (one.do === "close") await close((hour += HOUR));
        else await correct();
      }
      await correct();
      for (let n = 0; n < 3; n += 1) {
        await correct();
        await close((hour += HOUR));
      }
      const [sums] = await ledger.rows<{ billed: string; residue: string }>(
        `SELECT (SELECT COALESCE(sum(quantity), 0) FROM records)::text AS billed, COALESCE(
           (SELECT residue FROM residues ORDER BY hour DESC LIMIT 1), 0)::text AS residue`,
      );
      expect(await waiting()).toEqual([]);
      expect(trimDecimal(addDecimals(sums!.billed, sums!.residue))).toBe(
        addDecimals("0", ...truth.map((one) => one.quantity)),
      );
      const wrong = await ledger.rows(
        `SELECT 1 FROM (SELECT billed_in(bill_hour, occurred) AS bill_hour, sum(quantity) AS q FROM events WHERE instance_no IS NOT NULL GROUP BY 1) e
         FULL JOIN (SELECT bill_hour, sum(quantity) AS q FROM hour_usage GROUP BY 1) h USING (bill_hour) WHERE e.q IS DISTINCT FROM h.q`,
      );
      expect(wrong).toEqual([]);
    }),
    {
      numRuns: Number(process.env.FAST_CHECK_RUNS ?? 8),
      ...(process.env.FAST_CHECK_SEED && { seed: Number(process.env.FAST_CHECK_SEED) }),
    },
  );
}, 180_000);

import { HOUR, MINUTE } from "@quarterpast/domain";
import { keepCases, raiseScale, sealHour, writeOffGroup } from "@quarterpast/store";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { batchOf, H, openLedger, usage, type Ledger } from "@quarterpast/testkit";
import { countBatch } from "../src/count.js";
import { createKnown } from "../src/known.js";
import { releaseQuarantine } from "../src/release.js";

let ledger: Ledger;
const deps = () => ({ pool: ledger.pool, now: () => H + MINUTE });
const totals = () =>
  ledger.rows<{ instance: string; hour: number; origin: number; quantity: string; events: number }>(
    `SELECT instance_id AS instance, bill_hour AS hour, origin_hour AS origin, quantity::text, events
     FROM hour_usage JOIN instances USING (instance_no) ORDER BY 1, 2, 3`,
  );

beforeEach(async () => {
  ledger = await openLedger();
  await ledger.meter("tokens", "sum");
  await ledger.instance("i-tokens", "tokens", "customer-1");
});
afterEach((context) => ledger.end(context.task.result?.state === "fail"));

describe("counting", () => {
  test("sums, counts, maxima and unique values of an hour", async () => {
    for (const [code, aggregation] of [
      ["calls", "count"],
      ["peak", "max"],
      ["users", "unique"],
    ] as const) {
      await ledger.meter(code, aggregation);
      await ledger.instance(`i-${code}`, code, "customer-1");
    }
    await countBatch(
      deps(),
      batchOf([
        usage({ quantity: "1.5" }),
        usage({ quantity: "0.000001" }),
        usage({ quantity: "9007199254740993.25" }),
        usage({ meter: "calls" }),
        usage({ meter: "calls", quantity: "7" }),
        usage({ meter: "peak", quantity: "9" }),
        usage({ meter: "peak", quantity: "10" }),
        usage({ meter: "users", value: "ann" }),
        usage({ meter: "users", value: "bob" }),
        usage({ meter: "users", value: "ann" }),
      ]),
    );
    await countBatch(
      deps(),
      batchOf([
        usage({ meter: "peak", quantity: "8.5" }),
        usage({ meter: "users", value: "bob" }),
        usage({ meter: "users", value: "cy" }),
      ]),
    );
    expect((await totals()).map(({ instance, quantity, events }) => [instance, quantity, events])).toEqual([
      ["i-calls", "2", 2],
      ["i-peak", "10", 3],
      ["i-tokens", "9007199254740994.750001", 3],
      ["i-users", "3", 5],
    ]);
  });

  test("an event counts once, in one batch, in another, in a batch run again", async () => {
    const event = usage({ quantity: "2" });
    const batch = batchOf([event, event]);
    expect(await countBatch(deps(), batch)).toMatchObject({ counted: 1, duplicates: 1, conflicts: 0 });
    expect(await countBatch(deps(), batch)).toMatchObject({ counted: 0, duplicates: 2, conflicts: 0 });
    expect(await countBatch(deps(), batchOf([event, usage({ quantity: "3" })]))).toMatchObject({
      counted: 1,
      duplicates: 1,
    });
    expect((await totals())[0]).toMatchObject({ quantity: "5", events: 2 });
    expect(await ledger.rows("SELECT * FROM receipts")).toHaveLength(2);
  });

  test("one repeat among new events, again and again, doubles nothing and loses nothing", async () => {
    const known = createKnown(ledger.pool, () => performance.now());
    const first = usage({ quantity: "1" });
    let repeated = first;
    await countBatch({ ...deps(), known }, batchOf([first]));
    for (let round = 0; round < 20; round += 1) {
      const fresh = [usage({ quantity: "1" }), usage({ quantity: "1" })];
      // Every third batch is new, so that batches are inserted as new, meet a repeat, and check first, in turn.
      const events = round % 3 === 0 ? fresh : [fresh[0]!, repeated, fresh[1]!];
      const receipt = await countBatch({ ...deps(), known }, batchOf(events));
      expect(receipt).toMatchObject({ counted: 2, duplicates: events.length - 2 });
      repeated = fresh[1]!;
    }
    expect((await totals())[0]).toMatchObject({ quantity: "41", events: 41 });
  });

  test("keeps the subjects that are asked for, and forgets one asked for longest ago", async () => {
    const asked: unknown[] = [];
    const db = {
      query: (text: string, values: unknown[]) => {
        if (/FROM unnest\(\$1::text\[\]\) AS wanted/.test(text)) asked.push(values[0]);
        return ledger.pool.query(text, values);
      },
    } as unknown as typeof ledger.pool;
    const known = createKnown(ledger.pool, () => 0, 2);
    for (const subjects of [["a", "b"], ["a"], ["c"], ["a", "b"]]) await known.lives(db, new Set(subjects));
    expect(asked).toEqual([["a", "b"], ["c"], ["b"]]);
  });

  test("the same id with other usage is a recorded conflict and changes no sum", async () => {
    const event = usage({ id: "order-1", quantity: "2" });
    await countBatch(deps(), batchOf([event]));
    const other = usage({ id: "order-1", quantity: "200" });
    expect(await countBatch(deps(), batchOf([other, other]))).toMatchObject({
      counted: 0,
      conflicts: 2,
      duplicates: 0,
    });
    expect(
      await countBatch(
        deps(),
        batchOf([usage({ id: "new", quantity: "1" }), usage({ id: "new", quantity: "9" })]),
      ),
    ).toMatchObject({ counted: 1, conflicts: 1 });
    expect((await totals())[0]).toMatchObject({ quantity: "3", events: 2 });
    expect(await ledger.rows("SELECT quantity::text FROM conflicts ORDER BY 1")).toEqual([
      { quantity: "200" },
      { quantity: "9" },
    ]);
  });

  test("the same id that differs in its time only is a conflict without a case: it was sent again with a new one", async () => {
    await countBatch(deps(), batchOf([usage({ id: "a", quantity: "2" }), usage({ id: "b", quantity: "2" })]));
    const later = { time: H + 2 * MINUTE };
    const again = [
      usage({ id: "a", quantity: "2.0", ...later }),
      usage({ id: "b", quantity: "3", ...later }),
    ];
    expect(await countBatch(deps(), batchOf(again))).toMatchObject({ counted: 0, conflicts: 2 });
    await keepCases(ledger.pool, ledger.account.accountNo, H + HOUR);
    expect(await ledger.rows("SELECT detail FROM cases WHERE kind = 'event_conflict'")).toEqual([
      { detail: "customer-1 tokens 3" },
    ]);
  });

  test("the same id from another source is another event", async () => {
    await countBatch(
      deps(),
      batchOf([usage({ id: "a", quantity: "1" }), usage({ id: "a", source: "other", quantity: "1" })]),
    );
    expect((await totals())[0]).toMatchObject({ quantity: "2", events: 2 });
  });

  test("many overlapping batches at once neither deadlock nor double", async () => {
    const events = Array.from({ length: 400 }, (_, n) => usage({ id: `e${n}`, quantity: "1" }));
    const shuffled = Array.from({ length: 12 }, (_, n) =>
      [...events.slice(n * 20), ...events.slice(0, n * 20)].reverse(),
    );
    await Promise.all(shuffled.map((batch) => countBatch(deps(), batchOf(batch))));
    expect((await totals())[0]).toMatchObject({ quantity: "400", events: 400 });
  });
});

describe("late usage", () => {
  const seal = async (hour: number) => {
    for (const { shard } of await ledger.rows<{ shard: number }>("SELECT shard FROM shards")) {
      await sealHour(ledger.pool, { shard, hour, complete: true, reason: "", now: hour + HOUR });
    }
  };

  test("rolls forward to the first open hour and keeps its origin", async () => {
    await countBatch(deps(), batchOf([usage({ quantity: "1" })]));
    await seal(H);
    await seal(H + HOUR);
    await countBatch(deps(), batchOf([usage({ quantity: "5" })]));
    expect(await totals()).toEqual([
      { instance: "i-tokens", hour: H, origin: H, quantity: "1", events: 1 },
      { instance: "i-tokens", hour: H + 2 * HOUR, origin: H, quantity: "5", events: 1 },
    ]);
  });

  test("of max and unique meters, only the difference to the standing value rolls forward", async () => {
    await ledger.meter("peak", "max");
    await ledger.meter("users", "unique");
    await ledger.instance("i-peak", "peak", "customer-1");
    await ledger.instance("i-users", "users", "customer-1");
    const both = (quantity: string, value: string) => [
      usage({ meter: "peak", quantity }),
      usage({ meter: "users", value }),
    ];
    await countBatch(deps(), batchOf(both("10", "ann")));
    await seal(H);
    await countBatch(deps(), batchOf([...both("12.5", "bob"), ...both("3", "ann")]));
    const late = (await totals()).filter(({ hour }) => hour > H);
    expect(late.map(({ instance, quantity }) => [instance, quantity])).toEqual([
      ["i-peak", "2.5"],
      ["i-users", "1"],
    ]);
  });

  test("a sealed hour refuses change from anyone", async () => {
    await countBatch(deps(), batchOf([usage({ quantity: "1" })]));
    await seal(H);
    await expect(ledger.rows("UPDATE hour_usage SET quantity = 2")).rejects.toThrow(/sealed/);
    await expect(ledger.rows("DELETE FROM hour_usage")).rejects.toThrow(/sealed/);
  });
});

describe("quarantine", () => {
  test("what cannot be counted waits with its reason and is released by its binding, once", async () => {
    const events = [
      usage({ subject: "nobody", quantity: "4" }),
      usage({ meter: "unheard-of", quantity: "1" }),
      usage(),
      usage({ quantity: "0.0000001" }),
      usage({ subject: "nobody", id: "twice", quantity: "1" }),
    ];
    expect(await countBatch(deps(), batchOf(events))).toMatchObject({ counted: 0, quarantined: 5 });
    expect(await countBatch(deps(), batchOf(events))).toMatchObject({
      duplicates: 5,
      quarantined: 0,
    });
    const waiting =
      "SELECT reason, count(*) AS n FROM quarantine WHERE released_at IS NULL GROUP BY 1 ORDER BY 1";
    expect(await ledger.rows(waiting)).toEqual([
      { reason: "quantity_missing", n: 1 },
      { reason: "scale_exceeded", n: 1 },
      { reason: "unknown_instance", n: 2 },
      { reason: "unknown_meter", n: 1 },
    ]);
    expect(await releaseQuarantine(deps())).toBe(0);
    await ledger.instance("i-nobody", "tokens", "nobody");
    await ledger.meter("unheard-of", "max", 0);
    await ledger.instance("i-unheard", "unheard-of", "customer-1");
    await Promise.all([releaseQuarantine(deps()), releaseQuarantine(deps()), releaseQuarantine(deps())]);
    expect(await releaseQuarantine(deps())).toBe(0);
    expect((await totals()).map(({ instance, quantity, events: n }) => [instance, quantity, n])).toEqual([
      ["i-nobody", "5", 2],
      ["i-unheard", "1", 1],
    ]);
  });

  test("with more decimals than its meter has is counted once the meter has them; what was given up never is", async () => {
    await countBatch(
      deps(),
      batchOf([
        usage({ id: "e1", quantity: "0.0000001" }),
        usage({ id: "e2", quantity: "0.000000001" }),
        usage({ id: "e3", subject: "nobody", quantity: "7" }),
      ]),
    );
    expect(await releaseQuarantine(deps())).toBe(0);
    const actor = { keyId: "k" };
    await raiseScale(ledger.pool, actor, "tokens", 7, H);
    expect(await releaseQuarantine(deps())).toBe(1);
    const group = {
      ...{ meter: "tokens", subject: "nobody", account: null, accounts: null, why: "a test customer" },
      reason: "unknown_instance",
    } as const;
    expect(await writeOffGroup(ledger.pool, actor, group, H)).toBe(1);
    expect(await writeOffGroup(ledger.pool, actor, group, H)).toBe(0);
    await ledger.instance("i-nobody", "tokens", "nobody");
    expect(await releaseQuarantine(deps())).toBe(0);
    expect(await totals()).toMatchObject([{ instance: "i-tokens", quantity: "0.0000001", events: 1 }]);
    // Sent again, it is still known.
    expect(
      await countBatch(deps(), batchOf([usage({ id: "e3", subject: "nobody", quantity: "7" })])),
    ).toMatchObject({ counted: 0, duplicates: 1 });
  });

  test("of a poison batch, the bad events wait as they came and the others are counted", async () => {
    const events = Array.from({ length: 20 }, (_, n) => usage({ id: `e${n}`, quantity: "1" }));
    events[3] = usage({ id: "nul", subject: "customer\u0000-1", quantity: "1" });
    events[11] = { ...usage({ id: "huge" }), quantity: "not a number" };
    const batch = batchOf(events);
    expect(await countBatch(deps(), batch)).toMatchObject({ counted: 18, quarantined: 2 });
    expect(await countBatch(deps(), batch)).toMatchObject({ counted: 0, duplicates: 20 });
    expect((await totals())[0]).toMatchObject({ quantity: "18", events: 18 });
    const kept = await ledger.rows<{ raw: Buffer }>(
      "SELECT raw FROM quarantine WHERE reason = 'cannot_be_stored'",
    );
    expect(kept.map(({ raw }) => JSON.parse(raw.toString()).id).sort()).toEqual(["huge", "nul"]);
  });

  test("usage outside of an instance's life waits", async () => {
    await ledger.instance("i-ended", "tokens", "customer-2", { opened: H, closed: H + 10 * MINUTE });
    await countBatch(
      deps(),
      batchOf([
        usage({ subject: "customer-2", quantity: "1", time: H - 1 }),
        usage({ subject: "customer-2", quantity: "2", time: H }),
        usage({ subject: "customer-2", quantity: "4", time: H + 10 * MINUTE }),
      ]),
    );
    expect((await totals())[0]).toMatchObject({ quantity: "2" });
    expect(
      await ledger.rows(
        "SELECT reason FROM quarantine q JOIN events USING (source_no, key) ORDER BY occurred",
      ),
    ).toEqual([{ reason: "unknown_instance" }, { reason: "instance_closed" }]);
  });

  test("usage while an instance is suspended waits, until the suspension turns out to have been none", async () => {
    await ledger.instance("i-cold", "tokens", "customer-3", { opened: H });
    await ledger.rows(
      `INSERT INTO instance_suspensions SELECT instance_no, to_timestamp($1::float8), to_timestamp($2::float8)
       FROM instances WHERE instance_id = 'i-cold'`,
      [(H + MINUTE) / 1e6, (H + 2 * MINUTE) / 1e6],
    );
    const at = (quantity: string, time: number) => usage({ subject: "customer-3", quantity, time });
    await countBatch(deps(), batchOf([at("1", H), at("2", H + MINUTE), at("4", H + 2 * MINUTE)]));
    expect((await totals())[0]).toMatchObject({ quantity: "5" });
    expect(await ledger.rows("SELECT reason FROM quarantine")).toEqual([{ reason: "instance_suspended" }]);
    expect(await releaseQuarantine(deps())).toBe(0);
    await ledger.rows("DELETE FROM instance_suspensions");
    expect(await releaseQuarantine(deps())).toBe(1);
    expect((await totals())[0]).toMatchObject({ quantity: "7" });
  });
});

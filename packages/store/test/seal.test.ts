import { foldBatch, hourOf, HOUR, MINUTE, type CountedEvent } from "@quarterpast/domain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { inTransaction } from "../src/db/database.js";
import { ensureShards, readShards, sealHour } from "../src/usage/hours.js";
import { addUsage, lockOpenHours } from "../src/usage/hourUsage.js";

let ledger: Ledger;
beforeEach(async () => {
  ledger = await openLedger();
});
afterEach((context) => ledger.end(context.task.result?.state === "fail"));

/** Counts a quantity of 1 for each instance, as the aggregator does; returns the hour that billed it. */
async function write(shard: number, instances: number[], time: number): Promise<number> {
  return inTransaction(ledger.pool, async (db) => {
    const open = (await lockOpenHours(db, [shard])).get(shard)!;
    const billHour = Math.max(hourOf(time), open);
    const events = instances.map((instanceNo): CountedEvent => ({
      shard,
      instanceNo,
      aggregation: "sum",
      originHour: hourOf(time),
      billHour,
      quantity: "1",
    }));
    await addUsage(db, foldBatch(events));
    return billHour;
  });
}
const seal = (shard: number, hour: number, complete = true) =>
  sealHour(ledger.pool, { shard, hour, complete, reason: complete ? "" : "late", now: hour + HOUR });
const usageOf = (hour: number) =>
  ledger.rows<{ instance_no: number; quantity: string; events: number }>(
    "SELECT instance_no, quantity::text, events FROM hour_usage WHERE bill_hour = to_timestamp($1::float8) ORDER BY 1, origin_hour",
    [hour / 1e6],
  );

describe("sealing", () => {
  test("goes hour by hour, once, whoever tries", async () => {
    await write(0, [1], H);
    expect(await seal(0, H + HOUR)).toBeUndefined();
    const tries = await Promise.all(Array.from({ length: 8 }, () => seal(0, H)));
    expect(tries.filter((status) => status !== undefined)).toEqual(["complete"]);
    expect(await seal(0, H + HOUR)).toBe("nothing");
    expect(await seal(0, H + 2 * HOUR, false)).toBe("incomplete");
    expect((await readShards(ledger.pool)).slice(0, 2)).toEqual([
      { shard: 0, openHour: H + 3 * HOUR },
      { shard: 1, openHour: H },
    ]);
    await ensureShards(ledger.pool, H - HOUR);
    expect((await readShards(ledger.pool))[0]).toEqual({ shard: 0, openHour: H + 3 * HOUR });
  });

  test("a sealed hour refuses every change, and says which it is", async () => {
    await write(0, [1], H);
    await seal(0, H);
    for (const sql of [
      "UPDATE hour_usage SET quantity = quantity + 1",
      "DELETE FROM hour_usage",
      "INSERT INTO hour_usage SELECT shard, bill_hour, instance_no + 1, origin_hour, 1, 1 FROM hour_usage",
    ])
      await expect(ledger.pool.query(sql)).rejects.toThrow(
        /hour .* of shard 0 is sealed: (UPDATE|DELETE|INSERT) refused/,
      );
    expect(await usageOf(H)).toEqual([{ instance_no: 1, quantity: "1", events: 1 }]);
  });

  test("races between writers and sealer lose nothing, double nothing and change no sealed row", async () => {
    const [writers, hours, instances] = [6, 60, [1, 2, 3]];
    let hour = H;
    let isOver = false;
    let writes = 0;
    const billed = new Map<number, number>();
    const writing = Array.from({ length: writers }, async (_, writer) => {
      while (!isOver) {
        // The time is often in an hour that is sealed meanwhile: that usage rolls forward.
        const order = writer % 2 === 0 ? instances : [...instances].reverse();
        const billHour = await write(0, order, hour + MINUTE);
        billed.set(billHour, (billed.get(billHour) ?? 0) + 1);
        writes += 1;
      }
    });
    const snapshots = new Map<number, unknown>();
    while (hour < H + hours * HOUR) {
      if (await seal(0, hour)) snapshots.set(hour, await usageOf(hour));
      hour += HOUR;
    }
    isOver = true;
    await Promise.all(writing);

    expect(snapshots.size).toBe(hours);
    for (const [sealed, rows] of snapshots) {
      expect(await usageOf(sealed)).toEqual(rows);
      const count = billed.get(sealed) ?? 0;
      const counted = await ledger.rows<{ events: number }>(
        "SELECT COALESCE(sum(events), 0)::bigint AS events FROM hour_usage WHERE bill_hour = to_timestamp($1::float8)",
        [sealed / 1e6],
      );
      expect(counted).toEqual([{ events: count * instances.length }]);
    }
    expect(
      await ledger.rows(
        "SELECT sum(quantity)::text AS quantity, sum(events)::bigint AS events FROM hour_usage",
      ),
    ).toEqual([{ quantity: String(writes * instances.length), events: writes * instances.length }]);
    expect(writes).toBeGreaterThan(100);
  }, 60_000);

  test("a busy shard is sealed in time: writers do not starve the sealer", async () => {
    let isOver = false;
    const writing = Array.from({ length: 8 }, async () => {
      while (!isOver) await write(0, [1], H + MINUTE);
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const began = performance.now();
    const status = await seal(0, H);
    const took = performance.now() - began;
    isOver = true;
    await Promise.all(writing);
    expect(status).toBe("complete");
    expect(took).toBeLessThan(2_000);
  });
});

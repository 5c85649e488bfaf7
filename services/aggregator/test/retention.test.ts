import { uuidV7 } from "../../../packages/client/src/uuid.js";
import { DAY, HOUR, MINUTE, type Micros } from "@quarterpast/domain";
import { createLogger } from "@quarterpast/runtime";
import { listWeeks, readRetention, sealHour, weekOf } from "@quarterpast/store";
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { batchOf, H, openLedger, usage, type Ledger } from "@quarterpast/testkit";
import { countBatch } from "../src/count.js";
import { prepareRetention, removeExpired } from "../src/retention.js";

const KEEP_DAYS = 10;
const logger = createLogger({ service: "test", level: "silent" });
/** An id like those of the SDK. */
const madeAt = (at: Micros) => uuidV7(at / 1_000, randomBytes);

let ledger: Ledger;
let now: Micros;
const deps = () => ({
  pool: ledger.pool,
  clock: { now: () => now, real: () => now, rate: () => 1 },
  logger,
  keepDays: KEEP_DAYS,
});
const count = (...events: Parameters<typeof usage>[0][]) =>
  countBatch({ pool: ledger.pool, now: () => now }, batchOf(events.map(usage)));
const ids = async () =>
  (await ledger.rows<{ id: string }>("SELECT COALESCE(id, key::text) AS id FROM events ORDER BY 1")).map(
    ({ id }) => id,
  );
const leafOf = async (id: string) =>
  (
    await ledger.rows<{ leaf: string }>(
      "SELECT tableoid::regclass::text AS leaf FROM events WHERE key = $1",
      [id],
    )
  )[0]?.leaf;
async function removeAll(): Promise<void> {
  while (await removeExpired(deps()));
}
/** Seals and freezes all hours before the time, as if they had no usage, so that nothing in them is needed. */
async function sealBefore(at: Micros): Promise<void> {
  await ledger.rows("UPDATE shards SET sealed_before = date_trunc('hour', to_timestamp($1::float8))", [
    at / 1e6,
  ]);
}

beforeEach(async () => {
  ledger = await openLedger();
  now = H + MINUTE;
  await ledger.meter("tokens", "sum");
  await ledger.meter("peak", "max");
  await ledger.instance("i-tokens", "tokens", "customer-1");
  await ledger.instance("i-peak", "peak", "customer-1");
  await prepareRetention(deps());
});
afterEach((context) => ledger.end(context.task.result?.state === "fail"));

describe("events", () => {
  test("go to the week of their id, hashed ones to a partition of their hash, others to the rest", async () => {
    const [fresh, next, old] = [madeAt(H), madeAt(H + 7 * DAY), madeAt(H - 60 * DAY)];
    await count({ id: fresh, quantity: "1" }, { id: next, quantity: "1" }, { id: old, quantity: "1" });
    expect(await leafOf(fresh)).toBe(weekOf(H).name);
    expect(await leafOf(next)).toBe(weekOf(H + 7 * DAY).name);
    expect(await leafOf(old)).toBe("events_timed_rest");
    await count({ id: "any", quantity: "1" });
    const [row] = await ledger.rows<{ leaf: string }>(
      "SELECT tableoid::regclass::text AS leaf FROM events WHERE id = 'any'",
    );
    expect(row!.leaf).toMatch(/^events_hashed_\d$/);
  });

  test("that came before their week was made move into it, and still count once", async () => {
    const later = madeAt(H + 21 * DAY);
    await count({ id: later, quantity: "1" });
    expect(await leafOf(later)).toBe("events_timed_rest");
    now = H + 20 * DAY;
    await prepareRetention(deps());
    expect(await leafOf(later)).toBe(weekOf(H + 21 * DAY).name);
    expect(await count({ id: later, quantity: "1", time: H })).toMatchObject({ counted: 0, duplicates: 1 });
  });

  test("within the retention an id counts once, whatever it is sent with; past it the week goes whole", async () => {
    const id = madeAt(H);
    await count({ id, quantity: "1" }, { id: "hashed", quantity: "1" });
    await sealBefore(H + 5 * DAY);
    now = H + KEEP_DAYS * DAY - HOUR;
    await removeAll();
    expect(await count({ id, quantity: "1" }, { id: "hashed", quantity: "1" })).toMatchObject({
      counted: 0,
      duplicates: 2,
    });
    expect(await ids()).toEqual([id, "hashed"].sort());

    now = H + 40 * DAY;
    await sealBefore(now);
    await removeAll();
    expect(await ids()).toEqual([]);
    expect((await listWeeks(ledger.pool)).map(({ name }) => name)).not.toContain(weekOf(H).name);
    expect((await readRetention(ledger.pool)).eventsSince).toBeGreaterThanOrEqual(H + HOUR);
  });

  test("stay while their hour is open, or sealed and not frozen", async () => {
    const id = madeAt(H);
    await count({ id, quantity: "1" });
    now = H + 40 * DAY;
    await removeAll();
    expect(await ids()).toEqual([id]);
    for (let shard = 0; shard < 8; shard += 1)
      await sealHour(ledger.pool, { shard, hour: H, complete: true, reason: "", now: H + HOUR });
    await sealBefore(now);
    await removeAll();
    expect(await ids()).toEqual([id]);
    await ledger.rows("UPDATE hours SET frozen_at = sealed_at");
    await removeAll();
    expect(await ids()).toEqual([]);
  });

  test("that wait, were corrected or correct stay, whole", async () => {
    const [waits, mistaken] = [madeAt(H), madeAt(H + 1_000)];
    await count({ id: waits, subject: "nobody", quantity: "1" }, { id: mistaken, quantity: "2" });
    await ledger.rows(
      `INSERT INTO corrections SELECT source_no, '00000000-0000-8000-8000-000000000001', key, 1, -1, instance_no, to_timestamp($1::float8),
         occurred, occurred FROM events WHERE key = $2`,
      [H / 1e6, mistaken],
    );
    now = H + 40 * DAY;
    await sealBefore(now);
    await removeAll();
    expect(await ids()).toEqual([waits, mistaken].sort());
    expect(await leafOf(waits)).toBe("events_timed_rest");
  });
});

test("standing values, what was heard and receipts go, but for what is still asked for", async () => {
  const rows = async (table: string) => (await ledger.rows(`SELECT 1 FROM ${table}`)).length;
  await ledger.rows(
    "INSERT INTO collectors (name, watermark, beat_at) VALUES ('c', to_timestamp($1::float8), now())",
    [(H - HOUR) / 1e6],
  );
  await ledger.rows(
    "INSERT INTO clock (real_anchor, product_anchor, rate, beat_product) VALUES (now(), now(), 1, now())",
  );
  await count({ meter: "peak", quantity: "5" }, { quantity: "1" });
  now = H + 40 * DAY;
  await sealBefore(now);
  await removeAll();
  // No source was heard since; the collector has not confirmed that it saw its receipt.
  expect(await rows("heard")).toBe(2);
  expect(await rows("receipts")).toBe(1);
  expect(await rows("standing_max")).toBe(0);
  await count({ quantity: "1", time: now - HOUR });
  await ledger.rows("UPDATE collectors SET watermark = to_timestamp($1::float8)", [now / 1e6]);
  await removeAll();
  expect(await rows("heard")).toBe(2);
  expect(await rows("receipts")).toBe(1);
});

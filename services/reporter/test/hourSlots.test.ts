import { SECOND } from "@quarterpast/domain";
import { afterEach, beforeEach, expect, test } from "vitest";
import { submitNext } from "../src/submit.js";
import { openMadeUp, type MadeUpShop } from "./madeUpKit.js";

let shop: MadeUpShop;

beforeEach(async () => {
  shop = await openMadeUp("main");
});
afterEach((context) => shop.end(context.task.result?.state === "fail"));

const records = () =>
  shop.ledger.rows<{ instance_id: string; state: string; quantity: string; slot: string }>(
    `SELECT b.instance_id, b.state, trim_scale(r.quantity)::text AS quantity, r.slot
     FROM billing.records b JOIN records r USING (sn) ORDER BY b.instance_id`,
  );

test("usage goes out in whole units, one record of instance and hour, 25 a call", async () => {
  for (let n = 10; n < 70; n += 1) await shop.used(`i-${n}`, "2.75");
  await shop.freeze();
  await shop.submitAll();
  const filed = await records();
  expect(filed).toHaveLength(60);
  for (const one of filed)
    expect(one).toMatchObject({ state: "accepted", quantity: "2", slot: "20260301T100000Z" });
  expect(
    shop.market.bodies.map((body) => (JSON.parse(body) as { records: unknown[] }).records.length),
  ).toEqual([25, 25, 10]);
  expect(await shop.ledger.rows("SELECT DISTINCT residue::text FROM residues")).toEqual([
    { residue: "0.75" },
  ]);
  expect(await shop.ledger.rows("SELECT count(*)::int AS receipts FROM record_receipts")).toEqual([
    { receipts: 60 },
  ]);
});

test("each record of a call has the fate that the marketplace gave it; what was not taken goes out again", async () => {
  const fates = {
    BUSY: "accepted",
    CLOSED: "rejected_fixable",
    OLD: "expired",
    HELD: "conflict",
    TAKEN: "accepted",
  };
  for (const fate of Object.keys(fates)) await shop.used(fate, "5");
  await shop.freeze();
  const named = await shop.ledger.rows<{ sn: string; instance_id: string }>(
    "SELECT sn, instance_id FROM billing.records",
  );
  for (const { sn, instance_id: fate } of named) if (fate !== "TAKEN") shop.market.answers.set(sn, fate);
  expect(await submitNext(shop.deps())).toBe(true);
  shop.clock.advance(10 * SECOND);
  await shop.submitAll();
  const found = await records();
  expect(Object.fromEntries(found.map((one) => [one.instance_id, one.state]))).toEqual(fates);
});

test("two records of one hour and attempt are refused by the database", async () => {
  await shop.used("i-1", "5");
  await shop.freeze();
  await shop.submitAll();
  const copy = `INSERT INTO records SELECT account_no, shard, seq + 1, 'other' AS sn, kind, instance_no, hour,
    begin_at + interval '1 minute', end_at, part, quantity, events, replaces, canonical, checksum, prev, wire, wire_version,
    window_ends, late_ends, expires, frozen_at, package_instance, slot FROM records`;
  await expect(shop.ledger.rows(copy)).rejects.toThrow(/records_slot/);
});

test("a record that is there already counts as ours if the marketplace shows our quantity, and is a conflict if not", async () => {
  for (const [instance, held] of Object.entries({ ours: "5", theirs: "6" })) {
    await shop.used(instance, "5.9");
    shop.market.hold({ at: "20260301T100000Z", instance, ref: "somebody-else", units: held });
  }
  await shop.freeze();
  await shop.submitAll();
  expect(await records()).toMatchObject([
    { instance_id: "ours", state: "duplicate" },
    { instance_id: "theirs", state: "conflict" },
  ]);
});

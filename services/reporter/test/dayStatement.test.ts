import { DAY, HOUR, MINUTE } from "@quarterpast/domain";
import { listFindings } from "@quarterpast/store";
import { H } from "@quarterpast/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { reconcileAccepted } from "../src/reconcile.js";
import { openMadeUp, type MadeUpShop } from "./madeUpKit.js";

const NEXT_DAY = H - (H % DAY) + DAY + HOUR;

let shop: MadeUpShop;

beforeEach(async () => {
  shop = await openMadeUp("main");
});
afterEach((context) => shop.end(context.task.result?.state === "fail"));

const at = (instance: string, hour: string) => ({ at: `20260301T${hour}0000Z`, instance, ref: "elsewhere" });
const states = () =>
  shop.ledger.rows("SELECT instance_id, state FROM billing.records ORDER BY instance_id, begin_at");
const findings = async () =>
  (await listFindings(shop.ledger.pool, "made-up", { standing: true, after: "", limit: 100 })).map(
    ({ kind, instanceId, ours, theirs, code }) => ({ kind, instanceId, ours, theirs, code }),
  );

/** Files two hours of some instances. */
async function fileHours(...instances: string[]): Promise<void> {
  for (const [n, hour] of [H, H + HOUR].entries()) {
    for (const instance of instances) await shop.used(instance, String(n + 2), hour);
    await shop.freeze(hour + HOUR + 9 * MINUTE);
    await shop.submitAll();
  }
}

test("a statement by day bills the records of the days whose sums agree, and of no day that is not over", async () => {
  await fileHours("i-1");
  shop.clock.set(H + 4 * HOUR);
  await reconcileAccepted(shop.deps());
  expect(await states()).toMatchObject([{ state: "accepted" }, { state: "accepted" }]);
  shop.clock.set(NEXT_DAY);
  await reconcileAccepted(shop.deps());
  expect(await states()).toMatchObject([{ state: "billed" }, { state: "billed" }]);
  expect(await findings()).toEqual([]);
});

test("each day that differs is a finding of that day, nothing goes out again, and it ends when a later one agrees", async () => {
  await fileHours("gone", "more", "well");
  const calls = shop.market.bodies.length;
  shop.market.hold({ ...at("more", "15"), units: "9" });
  shop.market.hold({ ...at("stranger", "15"), units: "4" });
  const lost = shop.market.forget("gone");
  shop.clock.set(NEXT_DAY);
  await reconcileAccepted(shop.deps());
  const code = "by_day";
  expect(await findings()).toEqual([
    { kind: "different", instanceId: "more", ours: "5", theirs: "14", code },
    { kind: "missing", instanceId: "gone", ours: "5", theirs: null, code },
    { kind: "extra", instanceId: "stranger", ours: null, theirs: "4", code },
  ]);
  expect((await states()).map(({ state }) => state)).toEqual([
    ...["accepted", "accepted", "accepted", "accepted", "billed", "billed"],
  ]);
  expect(await shop.submitAll()).toBe(0);
  expect(shop.market.bodies).toHaveLength(calls);
  for (const record of lost) shop.market.hold(record);
  shop.market.forget("stranger");
  shop.clock.advance(HOUR);
  await reconcileAccepted(shop.deps());
  expect((await findings()).map(({ kind }) => kind)).toEqual(["different", "extra"]);
});

test("what was unknown is there if the day's sum says so", async () => {
  await shop.used("i-1", "3");
  await shop.freeze();
  shop.market.faults.push((response, accept) => {
    accept();
    response.socket?.destroy();
  });
  await shop.submitAll();
  expect(await states()).toMatchObject([{ state: "unknown" }]);
  await shop.ledger.rows("UPDATE submissions SET next_at = 'infinity'");
  shop.clock.set(NEXT_DAY);
  await reconcileAccepted(shop.deps());
  expect(await states()).toMatchObject([{ state: "billed" }]);
});

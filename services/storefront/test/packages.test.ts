import { DAY, HOUR } from "@quarterpast/domain";
import { packagePeriod, readStopDeductions } from "@quarterpast/store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { at, H } from "../../../test/fixtures/ledger.js";
import { watchPackages } from "../src/packages.js";
import { addSealedHours } from "../src/storefront.js";
import { fakeServer, openShop, type FakeServer, type Shop } from "./kit.js";

let shop: Shop;
let seller: FakeServer;
let payAsYouGo: string;
beforeEach(async () => {
  seller = await fakeServer(() => ({}));
  shop = await openShop({ hookUrl: seller.url });
  await shop.product({ productId: "P1" });
  payAsYouGo = String((await buy("CS1", "P1", "0"))["instanceId"]);
});
afterEach(async (context) => {
  await shop.close(context.task.result?.state === "fail");
  await seller.close();
});

const buy = (orderId: string, productId: string, chargingMode: string, more = {}) =>
  shop.v1({
    ...{ activity: "newInstance", orderId, productId, chargingMode, customerId: "customer-1" },
    ...{ customerName: "c", businessId: `b-${orderId}`, ...more },
  });
const packageOf = (productId: string, quota: string, mode: "package" | "stop_package" = "package") =>
  shop.product({ productId, mode, contents: [{ meter: "tokens", quota }] });
async function use(quantity: string, hour = H): Promise<void> {
  await shop.ledger.rows(
    `INSERT INTO hour_usage SELECT shard, to_timestamp($1::float8), instance_no, to_timestamp($1::float8), $2, 1 FROM instances
     ON CONFLICT (shard, bill_hour, instance_no, origin_hour) DO UPDATE SET quantity = hour_usage.quantity + excluded.quantity`,
    [hour / 1e6, quantity],
  );
}
async function seal(): Promise<void> {
  await shop.ledger.rows("UPDATE shards SET sealed_before = sealed_before + interval '1 hour'");
  await addSealedHours(shop.deps);
}
async function used(id: string): Promise<unknown[]> {
  const answer = await shop.v2({ activity: "queryInstance", instanceId: id });
  const info = answer["info"] as { usageInfo: { usageValue: number; relatedInstanceId: string }[] }[];
  return info[0]!.usageInfo.map(({ usageValue, relatedInstanceId }) => [usageValue, relatedInstanceId]);
}

test("packages are used up in order: the one that expires first, open hours included, then the next", async () => {
  await packageOf("PKG", "10");
  const later = String((await buy("CS2", "PKG", "5", { expireTime: "20270301000000" }))["instanceId"]);
  const sooner = String((await buy("CS3", "PKG", "5", { expireTime: "20260401000000" }))["instanceId"]);
  await use("7.5");
  expect([await used(sooner), await used(later)]).toEqual([[[7.5, payAsYouGo]], [[0, payAsYouGo]]]);
  await seal();
  await use("5", H + HOUR);
  shop.clock.set(H + HOUR);
  expect([await used(sooner), await used(later)]).toEqual([[[10, payAsYouGo]], [[2.5, payAsYouGo]]]);
  await seal();
  expect([await used(sooner), await used(later)]).toEqual([[[10, payAsYouGo]], [[2.5, payAsYouGo]]]);
});

test("a package of several items tells of each", async () => {
  await shop.product({
    productId: "MIX",
    mode: "package",
    contents: [
      { meter: "images", quota: "50" },
      { meter: "tokens", quota: "100" },
    ],
  });
  const id = String((await buy("CS2", "MIX", "5"))["instanceId"]);
  await use("3");
  expect(await used(id)).toEqual([
    [0, undefined],
    [3, payAsYouGo],
  ]);
});

test("a released package is deactivated, not deleted", async () => {
  await packageOf("PKG", "10");
  const id = String((await buy("CS2", "PKG", "5"))["instanceId"]);
  shop.clock.set(H + HOUR);
  await shop.v1({ activity: "releaseInstance", instanceId: id });
  expect(await shop.ledger.rows("SELECT deactivated_at FROM packages")).toEqual([
    { deactivated_at: H + HOUR },
  ]);
  await use("4");
  await use("5", H + 2 * HOUR);
  for (let hours = 0; hours < 3; hours += 1) await seal();
  expect(await shop.ledger.rows("SELECT hour, quantity FROM deductions")).toEqual([
    { hour: H, quantity: "4" },
  ]);
});

test("a stop-before-excess package is told to be low, then to stop, once, and names its records' package", async () => {
  await packageOf("STOP", "10", "stop_package");
  const id = String((await buy("CS2", "STOP", "5"))["instanceId"]);
  const told = async () => {
    await watchPackages(shop.deps);
    await watchPackages(shop.deps);
    const rows = await shop.ledger.rows<{ payload: string }>(
      "SELECT payload FROM hooks WHERE kind LIKE 'package.%' ORDER BY hook_id",
    );
    return rows.map(({ payload }) => JSON.parse(payload) as object);
  };
  await use("9");
  expect(await told()).toEqual([]);
  await use("0.5");
  const low = {
    kind: "package.low",
    packageInstanceId: id,
    instanceId: payAsYouGo,
    used: "9.5",
    stop: false,
  };
  expect(await told()).toMatchObject([low]);
  await use("1");
  expect(await told()).toMatchObject([low, { kind: "package.used_up", used: "10", stop: true }]);
  await seal();
  const numbers = await shop.ledger.rows<{ instance_no: number }>("SELECT instance_no FROM instances");
  expect(await readStopDeductions(shop.ledger.pool, [numbers[0]!.instance_no], H)).toEqual([
    { instanceNo: numbers[0]!.instance_no, packageInstanceId: id, quantity: "10" },
  ]);
  // Bought again: the next one takes over.
  const next = String((await buy("CS4", "STOP", "5"))["instanceId"]);
  await use("2", H + HOUR);
  shop.clock.set(H + HOUR);
  expect(await used(next)).toEqual([[2, payAsYouGo]]);
});

test("periods begin at the day of the purchase, at the month's last day where it has no such day", () => {
  const monthly = { starts: at("2026-01-31T08:00:00Z"), resetRule: "monthly" } as const;
  expect(packagePeriod(monthly, at("2026-02-28T07:59:59Z"))).toBe(monthly.starts);
  expect(packagePeriod(monthly, at("2026-02-28T08:00:00Z"))).toBe(at("2026-02-28T08:00:00Z"));
  expect(packagePeriod(monthly, at("2026-03-30T08:00:00Z"))).toBe(at("2026-02-28T08:00:00Z"));
  expect(packagePeriod(monthly, at("2026-03-31T08:00:00Z"))).toBe(at("2026-03-31T08:00:00Z"));
  expect(packagePeriod({ ...monthly, resetRule: "yearly" }, at("2027-02-01T00:00:00Z"))).toBe(
    at("2027-01-31T08:00:00Z"),
  );
  expect(packagePeriod({ ...monthly, resetRule: "none" }, monthly.starts + 900 * DAY)).toBe(monthly.starts);
});

test("a reset gives the quota back", async () => {
  await shop.product({
    ...{ productId: "MONTHLY", mode: "package", resetRule: "monthly" },
    contents: [{ meter: "tokens", quota: "10" }],
  });
  const id = String((await buy("CS2", "MONTHLY", "5"))["instanceId"]);
  await use("12");
  await seal();
  expect(await used(id)).toEqual([[10, payAsYouGo]]);
  shop.clock.set(at("2026-04-01T10:00:00Z"));
  expect(await used(id)).toEqual([[0, payAsYouGo]]);
});

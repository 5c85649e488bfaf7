import { DAY, HOUR } from "@quarterpast/domain";
import { packagePeriod } from "@quarterpast/store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createFreezer, type Freezer } from "../../../test/fixtures/freeze.js";
import { at, H } from "@quarterpast/testkit";
import { fakeServer, openShop, type FakeServer, type Shop } from "./kit.js";

let shop: Shop;
let seller: FakeServer;
let freezer: Freezer;
let payAsYouGo: string;
beforeEach(async () => {
  seller = await fakeServer(() => ({}));
  shop = await openShop({ hookUrl: seller.url });
  freezer = createFreezer(shop.ledger, shop.clock);
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
const file = (hour = H) => freezer.freezeBefore(hour + HOUR);
const records = () =>
  shop.ledger.rows<{
    quantity: string;
    package_instance: string | null;
    begin_at: number;
    end_at: number;
    wire: string;
  }>(
    "SELECT trim_scale(quantity)::text AS quantity, package_instance, begin_at, end_at, wire FROM records ORDER BY begin_at",
  );
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
  await file();
  expect([await used(sooner), await used(later)]).toEqual([[[7.5, payAsYouGo]], [[0, payAsYouGo]]]);
  await use("5", H + HOUR);
  expect([await used(sooner), await used(later)]).toEqual([[[10, payAsYouGo]], [[2.5, payAsYouGo]]]);
  await file(H + HOUR);
  expect([await used(sooner), await used(later)]).toEqual([[[10, payAsYouGo]], [[2.5, payAsYouGo]]]);
  // The marketplace takes from such packages itself, so the records name none.
  expect((await records()).map((one) => [one.quantity, one.package_instance])).toEqual([
    ["7.5", null],
    ["5", null],
  ]);
});

test("a package of several items shows each", async () => {
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
  await file(H + 2 * HOUR);
  expect(await shop.ledger.rows("SELECT hour, quantity FROM deductions")).toEqual([
    { hour: H, quantity: "4" },
  ]);
});

test("a stop-before-excess package is reported low, then to stop, once, and names its records' package", async () => {
  await packageOf("STOP", "10", "stop_package");
  const id = String((await buy("CS2", "STOP", "5"))["instanceId"]);
  const told = async () => {
    await shop.watchPackages();
    await shop.watchPackages();
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
  await file();
  const [filed, over] = await records();
  expect([filed, over]).toMatchObject([
    { quantity: "10", package_instance: id },
    { quantity: "0.5", package_instance: null, begin_at: filed!.end_at },
  ]);
  expect(JSON.parse(filed!.wire)).toMatchObject({ instance_id: payAsYouGo, relate_pkg_instance: id });
  expect(over!.wire).not.toContain("relate_pkg_instance");
  // Bought again: the next one takes over.
  const next = String((await buy("CS4", "STOP", "5"))["instanceId"]);
  await use("2", H + HOUR);
  expect(await used(next)).toEqual([[2, payAsYouGo]]);
});

test("an hour of two stop-before-excess packages goes out in parts, the one that expires first before the other", async () => {
  await packageOf("STOP", "10", "stop_package");
  const later = String((await buy("CS2", "STOP", "5", { expireTime: "20270301000000" }))["instanceId"]);
  const sooner = String((await buy("CS3", "STOP", "5", { expireTime: "20260401000000" }))["instanceId"]);
  await use("8.00006");
  await file();
  await use("4.00005", H + HOUR);
  await file(H + HOUR);
  const filed = await records();
  expect(filed.map((one) => [one.quantity, one.package_instance])).toEqual([
    ["8", sooner],
    ["2", sooner],
    // Residue of both hours: what is billed is taken, to the last decimal.
    ["2.0001", later],
  ]);
  expect(filed[1]!.end_at).toBe(filed[2]!.begin_at);
  const taken = await shop.ledger.rows(
    "SELECT package_instance, sum(quantity)::text AS quantity FROM billing.package_use GROUP BY 1 ORDER BY 2",
  );
  expect(taken).toEqual(
    [
      { package_instance: sooner, quantity: "10" },
      { package_instance: later, quantity: "2.0001" },
    ].sort((a, b) => (a.quantity < b.quantity ? -1 : 1)),
  );
  expect([await used(sooner), await used(later)]).toEqual([[[10, payAsYouGo]], [[2.0001, payAsYouGo]]]);
});

test("a correction gives back to the usage that comes, not twice", async () => {
  await packageOf("STOP", "10", "stop_package");
  const id = String((await buy("CS2", "STOP", "5"))["instanceId"]);
  await use("6");
  await file();
  await use("-2", H + HOUR);
  await file(H + HOUR);
  await use("3", H + 2 * HOUR);
  expect(await used(id)).toEqual([[7, payAsYouGo]]);
  await file(H + 2 * HOUR);
  expect(await used(id)).toEqual([[7, payAsYouGo]]);
  expect((await records()).map((one) => one.quantity)).toEqual(["6", "1"]);
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
  await file();
  expect(await used(id)).toEqual([[10, payAsYouGo]]);
  shop.clock.set(at("2026-04-01T10:00:00Z"));
  expect(await used(id)).toEqual([[0, payAsYouGo]]);
});

import { askRerun, findReruns, findRerun, listCalls } from "@quarterpast/store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createFreezer } from "../../../test/fixtures/freeze.js";
import { H } from "@quarterpast/testkit";
import { HOUR } from "@quarterpast/domain";
import { fakeServer, openShop, type FakeServer, type Shop } from "./kit.js";

let seller: FakeServer;
let otherSeller: FakeServer;
let one: Shop;
let two: Shop;
let status: number;
beforeEach(async () => {
  status = 200;
  seller = await fakeServer(() => ({ status }));
  otherSeller = await fakeServer(() => ({}));
  one = await openShop({ hookUrl: seller.url });
  two = await openShop({ hookUrl: otherSeller.url, beside: one });
  for (const shop of [one, two]) {
    await shop.product({ productId: "P1" });
    shop.lines.set("CS1/CS1-000001", { products: ["P1"], mode: "ON_DEMAND" });
  }
});
afterEach(async (context) => {
  await two.close();
  await one.close(context.task.result?.state === "fail");
  await Promise.all([seller.close(), otherSeller.close()]);
});

const order = { orderId: "CS1", orderLineId: "CS1-000001" };
const buy = (shop: Shop) => shop.v2({ activity: "newInstance", ...order, businessId: "b-1" });
const kinds = (server: FakeServer) =>
  server.requests.map(({ body }) => (JSON.parse(body) as { kind: string }).kind);
const rows = (sql: string) => one.ledger.rows(sql);

test("an account's openings are tried by its own storefront, with its own seller's word", async () => {
  status = 500;
  expect(await buy(one)).toMatchObject({ resultCode: "000004" });
  await rows("UPDATE subscriptions SET next_try = now()");
  await two.openDue();
  expect(kinds(otherSeller)).toEqual([]);
  expect(await rows("SELECT state, tries FROM subscriptions")).toEqual([{ state: "opening", tries: 0 }]);
});

test("a case of an order is raised for the account that sold it", async () => {
  one.lines.set("CS2/CS2-000001", { products: ["P9"], mode: "ON_DEMAND" });
  const more = { orderId: "CS2", orderLineId: "CS2-000001", businessId: "b-2" };
  expect(await one.v2({ activity: "newInstance", ...more })).toMatchObject({ resultCode: "000004" });
  await rows("UPDATE subscriptions SET next_try = now()");
  await two.openDue();
  const { accountNo } = one.ledger.account;
  expect(await rows("SELECT account_no, kind FROM cases")).toEqual([
    { account_no: accountNo, kind: "product" },
  ]);
});

test("the same order and instance id at two accounts are two, and each seller's service hears of its own", async () => {
  for (const shop of [one, two]) {
    expect(await buy(shop)).toMatchObject({ resultCode: "000000", instanceId: "b-1" });
    expect(await shop.v2({ activity: "orderNotify", ...order })).toMatchObject({ resultCode: "000000" });
  }
  for (const shop of [one, two]) await shop.deliverDue();
  for (const server of [seller, otherSeller])
    expect(kinds(server)).toEqual(["instance.open", "order.notified"]);
});

test("a hook that one account's service does not take holds up no hook of another account", async () => {
  for (const shop of [one, two]) await buy(shop);
  status = 500;
  for (const shop of [one, two]) {
    await shop.v2({ activity: "updateInstanceStatus", instanceId: "b-1", status: "FREEZE" });
    await shop.deliverDue();
  }
  expect(kinds(otherSeller)).toEqual(["instance.open", "instance.suspend"]);
});

test("a nonce is used once by account", async () => {
  const ask = (shop: Shop) =>
    shop.v2({ activity: "queryInstance", instanceId: "unknown" }, { nonce: "same-nonce" });
  expect(await ask(one)).toMatchObject({ resultCode: "000003" });
  expect(await ask(two)).toMatchObject({ resultCode: "000003" });
  expect(await ask(two)).toMatchObject({ resultCode: "000002" });
});

test("a call that a person runs again is found by its own account", async () => {
  await buy(one);
  const [call] = await listCalls(one.ledger.pool, one.ledger.account.accountNo, { limit: 1 });
  const rerunId = await askRerun(one.ledger.pool, call!.callId, "k", H);
  const find = (shop: Shop) => findRerun(shop.ledger.pool, shop.ledger.account.accountNo, rerunId);
  expect(await find(two)).toBeUndefined();
  expect(await find(one)).toMatchObject({ rerunId });
  expect(await findReruns(one.ledger.pool, two.ledger.account.accountNo, 10)).toEqual([]);
});

test("a package gives only to instances of its own account", async () => {
  const freezer = createFreezer(one.ledger, one.clock);
  for (const shop of [one, two]) await buy(shop);
  await one.product({ productId: "PKG", mode: "package", contents: [{ meter: "tokens", quota: "10" }] });
  one.lines.set("CS3/CS3-000001", { products: ["PKG"], mode: "ON_DEMAND_PKG" });
  const bought = { orderId: "CS3", orderLineId: "CS3-000001", businessId: "b-3" };
  expect(await one.v2({ activity: "newInstance", ...bought })).toMatchObject({ resultCode: "000000" });
  await one.ledger.rows(
    "INSERT INTO hour_usage SELECT shard, to_timestamp($1::float8), instance_no, to_timestamp($1::float8), 4, 1 FROM instances",
    [H / 1e6],
  );
  await freezer.freezeBefore(H + HOUR);
  const taken = await rows(
    "SELECT i.account_no, trim_scale(d.quantity)::text AS quantity FROM deductions d JOIN instances i USING (instance_no)",
  );
  expect(taken).toEqual([{ account_no: one.ledger.account.accountNo, quantity: "4" }]);
});

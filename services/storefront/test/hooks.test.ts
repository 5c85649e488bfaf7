import { createHmac } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fakeServer, openShop, type FakeServer, type Shop } from "./kit.js";

let shop: Shop;
let seller: FakeServer;
let answer: { status?: number; body?: unknown; delayMs?: number };
beforeEach(async () => {
  answer = { body: {} };
  seller = await fakeServer(() => answer);
  shop = await openShop({ hookUrl: seller.url });
  await shop.product({ productId: "P1" });
  shop.lines.set("CS1/CS1-000001", { products: ["P1"], mode: "ON_DEMAND" });
});
afterEach(async (context) => {
  await shop.close(context.task.result?.state === "fail");
  await seller.close();
});

const buy = () =>
  shop.v2({ activity: "newInstance", orderId: "CS1", orderLineId: "CS1-000001", businessId: "b-1" });
const told = () => seller.requests.map(({ body }) => (JSON.parse(body) as { kind: string }).kind);
const hurry = () =>
  shop.ledger.rows("WITH s AS (UPDATE subscriptions SET next_try = now()) UPDATE hooks SET next_at = now()");

test("the seller's service provides the instance: subject, addresses, credentials", async () => {
  answer.body = { subject: "tenant-7", frontEndUrl: "https://t7.example/", userName: "admin", memo: 7 };
  const { instanceId } = await buy();
  expect(await shop.ledger.rows("SELECT subject FROM instances")).toEqual([{ subject: "tenant-7" }]);
  const query = await shop.v2({ activity: "queryInstance", instanceId });
  expect(query["info"]).toMatchObject([
    { appInfo: { frontEndUrl: "https://t7.example/", userName: "admin" } },
  ]);
  const { headers, body } = seller.requests[0]!;
  const [, ms, proof] = /^t=(\d+),v1=(\w+)$/.exec(String(headers["quarterpast-signature"]))!;
  expect(createHmac("sha256", "hook-key").update(`${ms}.${body}`).digest("hex")).toBe(proof);
  expect(JSON.parse(body)).toMatchObject({ kind: "instance.open", customerId: "customer-1", orderId: "CS1" });
});

test("a service that is not ready is asked again, under the same delivery, until it provides", async () => {
  answer = { status: 503 };
  expect((await buy()).resultCode).toBe("000004");
  answer = { status: 202 };
  await hurry();
  await shop.openDue();
  answer = { body: { subject: "tenant-8" } };
  await hurry();
  await shop.deliverDue();
  await shop.openDue();
  expect((await buy()).resultCode).toBe("000000");
  expect(await shop.ledger.rows("SELECT subject FROM instances")).toEqual([{ subject: "tenant-8" }]);
  const ids = new Set(seller.requests.map(({ headers }) => headers["quarterpast-delivery"]));
  expect([ids.size, seller.requests.length]).toEqual([1, 3]);
});

test("a slow service does not hold up the answer", async () => {
  answer = { delayMs: 4_000 };
  const began = Date.now();
  expect((await buy()).resultCode).toBe("000004");
  expect(Date.now() - began).toBeLessThan(4_500);
  await expect.poll(async () => (await buy()).resultCode, { timeout: 8_000 }).toBe("000000");
});

test("what happens to one instance is notified in order, however long the first takes", async () => {
  const { instanceId } = await buy();
  answer = { status: 500 };
  for (const status of ["FREEZE", "UNFREEZE"]) {
    await shop.v2({ activity: "updateInstanceStatus", instanceId, status });
  }
  await shop.v2({ activity: "releaseInstance", instanceId });
  await shop.deliverDue();
  expect(told()).toEqual(["instance.open", "instance.suspend"]);
  answer = {};
  for (let times = 0; times < 3; times += 1) {
    await hurry();
    await shop.deliverDue();
  }
  expect(told().slice(2)).toEqual(["instance.suspend", "instance.resume", "instance.close"]);
  await hurry();
  await shop.deliverDue();
  expect(told()).toHaveLength(5);
});

test("a change is possible unless the seller's service says no", async () => {
  const { instanceId } = await buy();
  const check = () =>
    shop.v2({
      activity: "changeInstanceCheck",
      instanceId,
      productInfo: { productId: "P2", linearValue: 1 },
    });
  expect(await check()).toMatchObject({ resultCode: "000000" });
  answer = { body: { allowed: false, message: "too many users" } };
  expect(await check()).toMatchObject({ resultCode: "000005", resultMsg: "too many users" });
});

test("an upgrade is looked up, stored and notified, once", async () => {
  const { instanceId } = await buy();
  shop.lines.set("UP/UP-000001", { products: ["P9"], mode: "PERIOD", expires: "20270101000000" });
  const upgrade = { activity: "upgradeInstance", instanceId, orderId: "UP", orderLineId: "UP-000001" };
  for (let times = 0; times < 2; times += 1) expect((await shop.v2(upgrade)).resultCode).toBe("000000");
  await shop.deliverDue();
  await shop.deliverDue();
  expect(told()).toEqual(["instance.open", "instance.change"]);
  expect(await shop.ledger.rows("SELECT product_id FROM subscriptions")).toEqual([{ product_id: "P9" }]);
  expect(await shop.v2({ ...upgrade, orderId: "NEVER" })).toMatchObject({ resultCode: "000004" });
});

test("an order that is notified reaches the seller once and is stored", async () => {
  for (let times = 0; times < 2; times += 1) {
    const call = { activity: "orderNotify", orderId: "CS1", orderLineId: "CS1-000001" };
    expect((await shop.v2(call)).resultCode).toBe("000000");
  }
  await shop.deliverDue();
  await shop.deliverDue();
  expect(told()).toEqual(["order.notified"]);
  await expect.poll(() => shop.ledger.rows("SELECT order_id FROM orders")).toEqual([{ order_id: "CS1" }]);
});

test("a reply of the seller's service nested too deep counts as none", async () => {
  answer.body = `{"subject":"tenant-7","x":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
  await buy();
  expect(await shop.ledger.rows("SELECT subject FROM instances")).toEqual([{ subject: "customer-1" }]);
});

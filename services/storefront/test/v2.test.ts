import { HOUR, MINUTE, SECOND } from "@quarterpast/domain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { H } from "@quarterpast/testkit";
import { actOnCase } from "@quarterpast/store";
import { addSealedHours } from "../src/totals.js";
import { KEY, openShop, REAL, signedV2, signedV2Text, type Shop } from "./kit.js";

let shop: Shop;
beforeEach(async () => {
  shop = await openShop();
});
afterEach((context) => shop.close(context.task.result?.state === "fail"));

let last = 0;
const buy = (orderId = "CS1", orderLineId = `${orderId}-000001`, businessId = `business-${(last += 1)}`) =>
  shop.v2({ activity: "newInstance", orderId, orderLineId, businessId });
const sold = (products = ["P1"], mode = "ON_DEMAND", orderId = "CS1", customer?: string | null) =>
  shop.lines.set(`${orderId}/${orderId}-000001`, {
    products,
    mode,
    ...(customer !== undefined && { customer }),
  });
const cases = () => shop.ledger.rows("SELECT kind FROM cases WHERE resolved_at IS NULL");
const wake = () => shop.ledger.rows("UPDATE subscriptions SET next_try = now() WHERE state = 'opening'");

describe("newInstance", () => {
  test("opens an instance of the ordered product, once, under its first businessId", async () => {
    await shop.product({ productId: "P1" });
    sold();
    const first = await buy();
    expect(first).toEqual({ resultCode: "000000", resultMsg: "success", instanceId: expect.any(String) });
    expect(await buy()).toEqual(first);
    expect(await shop.ledger.rows("SELECT instance_id, subject, product, opened FROM instances")).toEqual([
      { instance_id: first["instanceId"], subject: "customer-1", product: "P1", opened: H },
    ]);
  });

  test("twenty at once open one", async () => {
    await shop.product({ productId: "P1" });
    sold();
    const answers = await Promise.all(Array.from({ length: 20 }, () => buy()));
    expect(new Set(answers.map((answer) => answer["instanceId"])).size, JSON.stringify(answers)).toBe(1);
    expect(await shop.ledger.rows("SELECT 1 FROM instances")).toHaveLength(1);
  });

  test("of an unknown product waits as a case, and opens once the product is added", async () => {
    sold();
    const first = await buy();
    expect(first).toMatchObject({ resultCode: "000004", instanceId: expect.any(String) });
    expect(await cases()).toEqual([{ kind: "product" }]);
    expect(await shop.v2({ activity: "queryInstance", instanceId: first["instanceId"] })).toMatchObject({
      resultCode: "000004",
    });
    await shop.product({ productId: "P1" });
    await shop.openDue();
    expect(await cases()).toEqual([]);
    expect(await buy()).toMatchObject({ resultCode: "000000", instanceId: first["instanceId"] });
  });

  test("of a line with several products is never guessed", async () => {
    await shop.product({ productId: "P1" });
    await shop.product({ productId: "P2" });
    sold(["P1", "P2"]);
    expect(await buy()).toMatchObject({ resultCode: "000004" });
    expect(await cases()).toEqual([{ kind: "several_products" }]);
    expect(await shop.ledger.rows("SELECT 1 FROM instances")).toEqual([]);
  });

  test("of a line with several products opens as the one that a person chose", async () => {
    await shop.product({ productId: "P2" });
    sold(["P1", "P2"]);
    const { instanceId } = await buy();
    const { accountNo } = shop.ledger.account;
    const [waiting] = await shop.ledger.rows<{ case_id: number }>("SELECT case_id FROM cases");
    const choose = async (product: string) => {
      const act = { act: "choose", product, reason: "asked the customer" } as const;
      const done = await actOnCase(
        shop.ledger.pool,
        { accountNos: [accountNo], seller: false, keyId: "k" },
        waiting!.case_id,
        act,
        H,
      );
      await shop.openDue();
      return done.outcome;
    };
    expect(await choose("P9")).toBe("done");
    expect(await cases()).toEqual([{ kind: "several_products" }]);
    expect(await choose("P2")).toBe("done");
    expect(await cases()).toEqual([]);
    expect(await shop.ledger.rows("SELECT instance_id, product FROM instances")).toEqual([
      { instance_id: instanceId, product: "P2" },
    ]);
    expect(await choose("P2")).toBe("resolved_already");
  });

  test("of a product that is sold otherwise is a case", async () => {
    await shop.product({ productId: "P1" });
    sold(["P1"], "PERIOD");
    expect(await buy()).toMatchObject({ resultCode: "000004" });
    expect(await cases()).toEqual([{ kind: "mode" }]);
  });

  test("waits for an order that cannot be looked up yet", async () => {
    await shop.product({ productId: "P1" });
    expect(await buy()).toMatchObject({ resultCode: "000004" });
    sold();
    await wake();
    await shop.openDue();
    expect(await buy()).toMatchObject({ resultCode: "000000" });
    expect(await cases()).toEqual([]);
  });

  test("two lines of one order for one pay-per-use product are one instance", async () => {
    await shop.product({ productId: "P1" });
    sold();
    shop.lines.set("CS1/CS1-000002", { products: ["P1"], mode: "ON_DEMAND" });
    const first = await buy();
    const second = await buy("CS1", "CS1-000002");
    expect(second["instanceId"]).toBe(first["instanceId"]);
    expect(await buy("CS1", "CS1-000002")).toEqual(second);
  });

  test("two period lines of one order are two", async () => {
    await shop.product({ productId: "P1", mode: "period" });
    sold(["P1"], "PERIOD");
    shop.lines.set("CS1/CS1-000002", { products: ["P1"], mode: "PERIOD" });
    const first = await buy();
    expect((await buy("CS1", "CS1-000002"))["instanceId"]).not.toBe(first["instanceId"]);
    expect(await shop.ledger.rows("SELECT 1 FROM instances")).toEqual([]);
  });

  test("an instance that would overlap another of the customer's gets its own id as subject", async () => {
    await shop.product({ productId: "P1" });
    sold();
    sold(["P1"], "ON_DEMAND", "CS2");
    await buy();
    const second = await buy("CS2");
    expect(await shop.ledger.rows("SELECT subject FROM instances ORDER BY instance_no")).toEqual([
      { subject: "customer-1" },
      { subject: second["instanceId"] },
    ]);
  });

  test("without a customer there is no subject: a case", async () => {
    await shop.product({ productId: "P1" });
    sold(["P1"], "ON_DEMAND", "CS1", null);
    expect(await buy()).toMatchObject({ resultCode: "000004" });
    expect(await cases()).toEqual([{ kind: "customer" }]);
  });

  test("a businessId that is another order's instance is refused", async () => {
    await buy("CS1", "CS1-000001", "taken");
    expect(await buy("CS2", "CS2-000001", "taken")).toMatchObject({ resultCode: "000002" });
  });
});

describe("the life of an instance", () => {
  let id: string;
  beforeEach(async () => {
    await shop.product({ productId: "P1" });
    sold();
    id = String((await buy())["instanceId"]);
  });
  const status = (value: string) =>
    shop.v2({ activity: "updateInstanceStatus", instanceId: id, status: value });
  const suspensions = () =>
    shop.ledger.rows("SELECT suspended_from, suspended_to FROM instance_suspensions ORDER BY 1");

  test("is suspended, resumed and closed, each once", async () => {
    shop.clock.set(H + MINUTE + 1);
    for (let times = 0; times < 2; times += 1) {
      expect(await status("FREEZE")).toMatchObject({ resultCode: "000000" });
    }
    expect(await suspensions()).toEqual([{ suspended_from: H + MINUTE, suspended_to: null }]);
    shop.clock.set(H + 2 * MINUTE);
    for (let times = 0; times < 2; times += 1) await status("UNFREEZE");
    expect(await suspensions()).toEqual([{ suspended_from: H + MINUTE, suspended_to: H + 2 * MINUTE }]);
    shop.clock.set(H + 3 * MINUTE);
    for (let times = 0; times < 2; times += 1) {
      expect(await shop.v2({ activity: "releaseInstance", instanceId: id })).toMatchObject({
        resultCode: "000000",
      });
    }
    expect(await shop.ledger.rows("SELECT closed FROM instances")).toEqual([{ closed: H + 3 * MINUTE }]);
    expect(await status("FREEZE")).toMatchObject({ resultCode: "000000" });
    expect(await status("UNFREEZE")).toMatchObject({ resultCode: "000003" });
    expect(await status("MELT")).toMatchObject({ resultCode: "000002" });
    const events = await shop.ledger.rows("SELECT kind FROM subscription_events ORDER BY event_id");
    expect(events.map(({ kind }) => kind)).toEqual(["opened", "suspended", "resumed", "closed"]);
  });

  test("suspensions of one second follow each other", async () => {
    for (const value of ["FREEZE", "UNFREEZE", "FREEZE", "UNFREEZE"]) await status(value);
    expect(await suspensions()).toEqual([
      { suspended_from: H, suspended_to: H + SECOND },
      { suspended_from: H + SECOND, suspended_to: H + 2 * SECOND },
    ]);
  });

  test("a release in the second of the opening leaves a life of a second", async () => {
    await shop.v2({ activity: "releaseInstance", instanceId: id });
    expect(await shop.ledger.rows("SELECT closed - opened AS life FROM instances")).toMatchObject([
      { life: { seconds: 1 } },
    ]);
  });

  test("is refreshed once by its order", async () => {
    const refresh = (expireTime: string, orderId = "CS9") =>
      shop.v2({
        ...{ activity: "refreshInstance", scene: "RENEWAL", instanceId: id, expireTime },
        ...{ orderId, orderLineId: `${orderId}-000001`, productId: null },
      });
    expect(await refresh("20270101000000")).toMatchObject({ resultCode: "000000" });
    expect(await refresh("20280101000000", "CS10")).toMatchObject({ resultCode: "000000" });
    // The late repetition of the first renewal takes nothing back.
    expect(await refresh("20270101000000")).toMatchObject({ resultCode: "000000" });
    expect(await shop.ledger.rows("SELECT expires FROM subscriptions")).toEqual([
      { expires: Date.UTC(2028, 0, 1) * 1_000 },
    ]);
  });

  test("what is not there is said to be not there", async () => {
    for (const activity of ["releaseInstance", "queryInstance"]) {
      expect(await shop.v2({ activity, instanceId: "never" })).toMatchObject({ resultCode: "000003" });
    }
  });
});

describe("queryInstance", () => {
  test("shows cumulative usage, sealed hours and open ones", async () => {
    await shop.product({ productId: "P1", dashboardUrl: "https://usage.example/" });
    sold();
    const id = (await buy())["instanceId"];
    const add = (hour: number, quantity: string) =>
      shop.ledger.rows(
        `INSERT INTO hour_usage SELECT shard, to_timestamp($1::float8), instance_no, to_timestamp($1::float8), $2, 1 FROM instances`,
        [hour / 1e6, quantity],
      );
    await add(H, "99999999.99995");
    await add(H + HOUR, "2");
    shop.clock.set(H + 90 * MINUTE);
    const before = await shop.v2({ activity: "queryInstance", instanceId: `${id} ` });
    expect(before).toEqual({
      resultCode: "000000",
      resultMsg: "success",
      info: [
        {
          instanceId: id,
          appInfo: { frontEndUrl: "https://app.example/" },
          usageInfo: [
            {
              usageValue: 100000001.9999,
              statisticalTime: "20260301113000000",
              dashboardUrl: "https://usage.example/",
            },
          ],
        },
      ],
    });
    await shop.ledger.rows("UPDATE shards SET sealed_before = sealed_before + interval '1 hour'");
    await addSealedHours(shop.ledger.pool);
    await addSealedHours(shop.ledger.pool);
    expect(await shop.ledger.rows("SELECT quantity FROM usage_totals")).toEqual([
      { quantity: "99999999.99995" },
    ]);
    expect(await shop.v2({ activity: "queryInstance", instanceId: id })).toEqual(before);
  });

  test("takes 100 ids and not 101", async () => {
    const ids = (count: number) => Array.from({ length: count }, (_, at) => `i-${at}`).join(",");
    expect(await shop.v2({ activity: "queryInstance", instanceId: ids(101) })).toMatchObject({
      resultCode: "000002",
    });
    expect(await shop.v2({ activity: "queryInstance", instanceId: ids(100) })).toMatchObject({
      resultCode: "000003",
    });
  });
});

describe("what is refused", () => {
  const body = { activity: "queryInstance", instanceId: "x", testFlag: "1" };
  const code = async (options: Parameters<Shop["v2"]>[1]) => (await shop.v2(body, options)).resultCode;
  const ms = REAL / 1_000;

  test("a wrong key, a missing nonce, a time too far off", async () => {
    expect(await code({ key: "another" })).toBe("000001");
    expect(await code({ nonce: "" })).toBe("000002");
    expect(await code({ timestamp: String(ms - 60_001) })).toBe("000002");
    expect(await code({ timestamp: String(ms + 60_001) })).toBe("000002");
    expect(await code({ timestamp: "yesterday" })).toBe("000002");
    expect(await code({ timestamp: String(ms - 60_000) })).toBe("000000");
    expect(await code({ timestamp: String(ms / 1_000) })).toBe("000000");
  });

  test("a replay, also by another process", async () => {
    expect(await code({ nonce: "once" })).toBe("000000");
    expect(await code({ nonce: "once" })).toBe("000002");
    const other = await openShop({ pool: shop.ledger.pool });
    expect((await other.v2(body, { nonce: "once" })).resultCode).toBe("000002");
    await other.close();
  });

  test("every byte flipped in body, nonce, time and signature", async () => {
    const call = signedV2(shop.clock, body, { nonce: "n-0123456789" });
    const flip = (text: string, at: number) =>
      text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
    const from = call.url.indexOf("?") + 1;
    const calls = [
      ...Array.from(call.payload, (_, at) => ({ ...call, payload: flip(call.payload, at) })),
      ...Array.from(call.url.slice(from), (_, at) => ({ ...call, url: flip(call.url, from + at) })),
    ];
    const codes = await Promise.all(
      calls.map(async (one) => (await shop.http.inject(one)).json().resultCode),
    );
    expect(codes.every((one) => one === "000001" || one === "000002")).toBe(true);
    expect((await shop.http.inject(call)).json().resultCode).toBe("000000");
  });

  test("an activity that is none, fields that are missing, a body that is too large", async () => {
    expect(await shop.v2({ activity: "toString" })).toMatchObject({ resultCode: "000002" });
    expect(await shop.v2({ activity: "newInstance", orderId: "CS1" })).toMatchObject({
      resultCode: "000002",
      resultMsg: "invalid parameter: orderLineId",
    });
    expect(await shop.v2({ activity: "newInstance", memo: "x".repeat(70_000) })).toMatchObject({
      resultCode: "000002",
    });
  });
});

test("two keys hold while one is rotated", async () => {
  const both = await openShop({
    keys: () => ({ account: ["new-key", "testAccessKey-0001"], products: new Map() }),
  });
  const body = { activity: "queryInstance", instanceId: "x", testFlag: "1" };
  for (const key of ["new-key", "testAccessKey-0001"]) {
    expect((await both.v2(body, { key })).resultCode).toBe("000000");
  }
  await both.close();
});

test("a product's key holds for calls about that product, beside the account's; a key taken away is refused at once", async () => {
  const ring = {
    account: ["account-key"],
    products: new Map([
      ["P", ["p-old", "p-new"]],
      ["Q", ["q-key"]],
    ]),
  };
  const own = await openShop({ keys: () => ring });
  await own.product({ productId: "P" });
  own.lines.set("CS1/CS1-000001", { mode: "ON_DEMAND", products: ["P"] });
  const buy = { activity: "newInstance", orderId: "CS1", orderLineId: "CS1-000001", businessId: "b-1" };
  expect((await own.v2(buy, { key: "p-old" })).resultCode).toBe("000000");
  const query = { activity: "queryInstance", instanceId: "b-1" };
  const asked = async (key: string) => (await own.v2(query, { key })).resultCode;
  for (const key of ["p-old", "p-new", "account-key"])
    expect([key, await asked(key)]).toEqual([key, "000000"]);
  expect(await asked("q-key")).toBe("000001");
  const release = { activity: "releaseInstance", instanceId: "b-1" };
  expect((await own.v2(release, { key: "q-key" })).resultCode).toBe("000001");
  const buyV1 = {
    activity: "newInstance",
    orderId: "CS2",
    productId: "P",
    customerId: "c",
    businessId: "b-2",
  };
  expect((await own.v1(buyV1, { key: "q-key" })).resultCode).toBe("000001");
  expect((await own.v1(buyV1, { key: "p-new" })).resultCode).toBe("000000");
  ring.products.set("P", ["p-new"]);
  expect([await asked("p-old"), await asked("p-new")]).toEqual(["000001", "000000"]);
  const kept = await own.ledger.rows("SELECT authentic FROM calls WHERE activity = 'releaseInstance'");
  expect(kept).toEqual([{ authentic: false }]);
  await own.close();
});

test("every call is kept with its verdict; a failed one runs again by hand", async () => {
  const { askRerun } = await import("@quarterpast/store");
  sold();
  await buy("CS1", "CS1-000001", "b-1");
  await shop.v2({ activity: "releaseInstance", instanceId: "x" }, { key: "wrong" });
  const kept = await shop.ledger.rows<{ call_id: number }>(
    "SELECT call_id, activity, authentic, code, ref, detail FROM calls ORDER BY call_id",
  );
  expect(kept).toMatchObject([
    { activity: "newInstance", authentic: true, code: "000004", ref: "CS1", detail: "waits for product" },
    { authentic: false, code: "000001" },
  ]);
  await shop.product({ productId: "P1" });
  for (const { call_id } of kept) await askRerun(shop.ledger.pool, call_id, "operator", H);
  await shop.rerunDue();
  expect(await shop.ledger.rows("SELECT code FROM reruns ORDER BY rerun_id")).toEqual([
    { code: "000000" },
    { code: "000001" },
  ]);
  expect(await shop.ledger.rows("SELECT rerun_of, code FROM calls WHERE rerun_of IS NOT NULL")).toEqual([
    { rerun_of: kept[0]!.call_id, code: "000000" },
  ]);
});

test("debugging calls succeed, repeatedly, and touch no production row", async () => {
  const order = { orderId: "CS1", orderLineId: "CS1-000001" };
  const calls = [
    { activity: "newInstance", ...order, businessId: "b-1" },
    { activity: "queryInstance", instanceId: "b-1" },
    {
      activity: "refreshInstance",
      ...order,
      instanceId: "b-1",
      scene: "RENEWAL",
      expireTime: "20270101000000",
    },
    { activity: "updateInstanceStatus", instanceId: "b-1", status: "FREEZE" },
    { activity: "upgradeInstance", ...order, instanceId: "b-1" },
    { activity: "changeInstanceCheck", instanceId: "b-1", productInfo: { productId: "P1" } },
    { activity: "orderNotify", ...order },
    { activity: "releaseInstance", instanceId: "b-1" },
  ];
  for (const testFlag of ["1", 1]) {
    for (const call of calls)
      expect(await shop.v2({ ...call, testFlag })).toMatchObject({ resultCode: "000000" });
  }
  const again = await shop.v2({ ...calls[0], businessId: "b-2", testFlag: "1" });
  expect(again["instanceId"]).toBe("b-1");
  for (const table of ["subscriptions", "instances", "orders", "cases", "hooks", "packages"]) {
    expect(await shop.ledger.rows(`SELECT 1 FROM ${table}`), table).toEqual([]);
  }
  expect(shop.orders.requests).toEqual([]);
});

describe("JSON nested too deep", () => {
  const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
  const call = (payload: string, key = KEY) => signedV2Text(shop.clock, payload, { key });

  test("in an unsigned call is refused as that", async () => {
    const answer = await shop.http.inject(
      call(`{"activity":"queryInstance","x":${deep}}`, "anotherKey-0001"),
    );
    expect(answer.json()).toMatchObject({ resultCode: "000001" });
  });

  test("in a signed call is refused as a wrong parameter, with the limit named", async () => {
    const productInfo = `{"a":${deep}}`;
    const body = `{"activity":"changeInstanceCheck","instanceId":"i-1","productInfo":${productInfo}}`;
    const answer = await shop.http.inject(call(body));
    expect(answer.json()).toMatchObject({ resultCode: "000002" });
    expect(await shop.ledger.rows("SELECT detail FROM calls")).toEqual([
      { detail: expect.stringContaining("nested deeper than 32 levels") },
    ]);
  });
});

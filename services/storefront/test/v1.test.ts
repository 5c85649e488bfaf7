import { MINUTE } from "@quarterpast/domain";
import { bodySign, decryptSensitive, encryptSensitive } from "@quarterpast/marketplace/koogallery";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { H } from "@quarterpast/testkit";
import { KEY, openShop, REAL, signedV1, type Shop } from "./kit.js";

let shop: Shop;
beforeEach(async () => {
  shop = await openShop();
});
afterEach((context) => shop.close(context.task.result?.state === "fail"));

let last = 0;
const buy = (more: Record<string, string> = {}) =>
  shop.v1({
    ...{ activity: "newInstance", orderId: "CS1", productId: "P1", chargingMode: "0" },
    ...{ customerId: "customer-1", customerName: "客户", businessId: `business-${(last += 1)}` },
    ...more,
  });
const only = (more: Record<string, string>) => shop.v1(more).then(({ resultCode }) => resultCode);

describe("newInstance of V1.0", () => {
  test("opens a pay-per-use instance, once by order and product, and signs its answer", async () => {
    await shop.product({ productId: "P1" });
    await shop.product({ productId: "P2", meter: "images" });
    const first = await buy();
    expect(first).toMatchObject({
      resultCode: "000000",
      appInfo: { frontEndUrl: "https://app.example/" },
      encryptType: "1",
    });
    expect(first.sign).toBe(bodySign(KEY, first.text));
    expect((await buy())["instanceId"]).toBe(first["instanceId"]);
    const second = await buy({ productId: "P2" });
    expect(second["instanceId"]).not.toBe(first["instanceId"]);
    expect(await shop.ledger.rows("SELECT subject FROM instances")).toEqual([
      { subject: "customer-1" },
      { subject: "customer-1" },
    ]);
    expect(shop.orders.requests).toEqual([]);
  });

  test.each([
    ["1", "period"],
    ["3", "per_use"],
  ] as const)("charging mode %s is %s: no usage is bound to it", async (chargingMode, mode) => {
    await shop.product({ productId: "P1", mode });
    expect(await buy({ chargingMode, expireTime: "20270101000000" })).toMatchObject({ resultCode: "000000" });
    expect(await shop.ledger.rows("SELECT mode, state FROM subscriptions")).toEqual([
      { mode, state: "active" },
    ]);
    expect(await shop.ledger.rows("SELECT 1 FROM instances")).toEqual([]);
  });

  test("extension parameters nested too deep are left out", async () => {
    await shop.product({ productId: "P1" });
    const saasExtendParams = Buffer.from("[".repeat(1_500) + "]".repeat(1_500)).toString("base64");
    expect(await buy({ saasExtendParams })).toMatchObject({ resultCode: "000000" });
    expect(await shop.ledger.rows("SELECT terms ? 'extendParams' AS kept FROM subscriptions")).toEqual([
      { kept: false },
    ]);
  });

  test("an unknown product and an unknown mode are not guessed", async () => {
    expect(await buy()).toMatchObject({ resultCode: "000004", instanceId: expect.any(String) });
    expect(await buy({ chargingMode: "9" })).toMatchObject({ resultCode: "000002" });
  });

  test("sensitive fields are decrypted, with either length of key", async () => {
    await shop.product({ productId: "P1" });
    const [iv, mail] = ["0123456789abcdef", "buyer@example.com"];
    const extend = encodeURIComponent(Buffer.from('[{"name":"ip","value":"127.0.0.1"}]').toString("base64"));
    await buy({
      email: encryptSensitive(KEY, "1", iv, mail),
      mobilePhone: encryptSensitive(KEY, "2", iv, "18688888888"),
      saasExtendParams: extend,
      amount: "50",
    });
    expect((await shop.ledger.rows("SELECT terms FROM subscriptions"))[0]).toEqual({
      terms: {
        ...{ mode: "pay_per_use", amount: "50", email: mail, mobilePhone: "18688888888" },
        extendParams: [{ name: "ip", value: "127.0.0.1" }],
      },
    });
  });

  test("the seller's credentials go out encrypted, and are not kept in the log of calls", async () => {
    await shop.product({ productId: "P1" });
    await buy();
    await shop.ledger.rows(
      `UPDATE subscriptions SET provided = '{"userName":"admin","password":"se\\"cret","memo":"你好"}'`,
    );
    const answer = await buy();
    const { userName, password, memo } = answer["appInfo"] as Record<string, string>;
    expect([userName, password].map((one) => decryptSensitive(KEY, "1", one!))).toEqual(["admin", 'se"cret']);
    expect([memo, answer.text.includes("\\u4f60")]).toEqual(["你好", true]);
    const [kept] = await shop.ledger.rows<{ reply: string }>("SELECT reply FROM calls ORDER BY call_id DESC");
    expect(kept!.reply).toContain('"password":"(hidden)"');
  });
});

test("the activities of a life", async () => {
  await shop.product({ productId: "P1" });
  const instanceId = String((await buy())["instanceId"]);
  const order = { instanceId, orderId: "CS1" };
  const state = async () => (await shop.ledger.rows("SELECT state FROM subscriptions"))[0]!["state"];
  expect(await only({ activity: "instanceStatus", instanceId, instanceStatus: "UNFREEZE" })).toBe("000002");
  expect(await only({ activity: "instanceStatus", instanceId, instanceStatus: "FREEZE" })).toBe("000000");
  expect(await state()).toBe("suspended");
  shop.clock.advance(MINUTE);
  expect(await only({ activity: "instanceStatus", instanceId, instanceStatus: "NORMAL" })).toBe("000000");
  expect(await only({ activity: "expireInstance", ...order })).toBe("000000");
  expect(await state()).toBe("suspended");
  const renewal = {
    activity: "refreshInstance",
    instanceId,
    orderId: "CS2",
    expireTime: "20270101000000000",
  };
  expect(await only(renewal)).toBe("000000");
  expect(await state()).toBe("active");
  expect(await only({ activity: "upgrade", instanceId, orderId: "CS3", skuCode: "s", productId: "P9" })).toBe(
    "000000",
  );
  const query = await shop.v1({ activity: "queryInstance", instanceId });
  expect(query["info"]).toMatchObject([{ instanceId, usageInfo: [{ usageValue: 0 }] }]);
  shop.clock.advance(MINUTE);
  for (let times = 0; times < 2; times += 1) {
    expect(await only({ activity: "releaseInstance", ...order, orderAmount: String(times) })).toBe("000000");
  }
  expect(await shop.ledger.rows("SELECT closed FROM instances")).toEqual([{ closed: H + 2 * MINUTE }]);
  expect(await shop.ledger.rows("SELECT product_id, expires FROM subscriptions")).toEqual([
    { product_id: "P9", expires: Date.UTC(2027, 0, 1) * 1_000 },
  ]);
});

test("a wrong key, an old time and a repeated change are refused, debugging and queries are not", async () => {
  const call = { activity: "releaseInstance", instanceId: "x" };
  const timestamp = "20260301095500000";
  expect((await shop.v1(call, { key: "another" })).resultCode).toBe("000001");
  expect((await shop.v1(call, { timestamp: "20260301095459999" })).resultCode).toBe("000002");
  expect((await shop.v1(call, { timestamp })).resultCode).toBe("000003");
  expect((await shop.v1(call, { timestamp })).resultCode).toBe("000002");
  for (let times = 0; times < 2; times += 1) {
    expect((await shop.v1({ ...call, testFlag: "1" }, { timestamp })).resultCode).toBe("000000");
  }
});

test("every byte of a call flipped is refused", async () => {
  const { url } = signedV1(shop.clock, { activity: "releaseInstance", instanceId: "x", testFlag: "1" });
  const from = url.indexOf("?") + 1;
  for (let at = from; at < url.length; at += 1) {
    const flipped = url.slice(0, at) + String.fromCharCode(url.charCodeAt(at) ^ 1) + url.slice(at + 1);
    const { resultCode } = (await shop.http.inject({ url: flipped })).json() as { resultCode: string };
    expect(resultCode, flipped.slice(at)).toBe("000001");
  }
  expect(REAL).toBe(shop.clock.real());
});

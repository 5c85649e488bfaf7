import { createSandbox, type Sandbox } from "@quarterpast/sandbox/koogallery";
import { reservePort } from "@quarterpast/stack/servers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CHROMIUM, openBrowser } from "@quarterpast/testkit/browser";
import { KEY, openShop, type Shop } from "./kit.js";

interface Order {
  orderId: string;
  state: string;
  instanceId: string | null;
  answer: string;
}

let shop: Shop;
let sandbox: Sandbox;
beforeEach(async () => {
  const port = await reservePort();
  sandbox = await createSandbox({ key: KEY, sellerUrl: `http://127.0.0.1:${port}/koogallery` });
  shop = await openShop({ orderUrl: sandbox.url, accessKey: { ak: "sandbox", sk: KEY } });
  shop.clock.advance(Date.now() * 1_000 - shop.clock.real());
  await shop.http.listen({ host: "127.0.0.1", port });
  await shop.product({ productId: "P1" });
});
afterEach(async (context) => {
  await sandbox.close();
  await shop.close(context.task.result?.state === "fail");
});

async function post(path: string, body?: object): Promise<Order> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(sandbox.url + path, {
    method: "POST",
    headers,
    body: JSON.stringify(body ?? {}),
  });
  return (await answer.json()) as Order;
}

test("what a person buys in the sandbox's shop lives, is suspended and ends here", async () => {
  const order = await post("/sandbox/orders", { product: "P1", customer: "customer-1" });
  expect(order).toMatchObject({ state: "open", answer: "000000 success" });
  const [made] = await shop.ledger.rows("SELECT instance_id, subject FROM instances");
  expect(made).toEqual({ instance_id: order.instanceId, subject: "customer-1" });
  for (const [action, state] of [
    ["freeze", "suspended"],
    ["unfreeze", "active"],
    ["release", "closed"],
  ]) {
    await post(`/sandbox/orders/${order.orderId}/${action}`);
    expect(await shop.ledger.rows("SELECT state FROM subscriptions")).toEqual([{ state }]);
  }
});

test("what cannot open at once opens when it can, with nothing done by hand", async () => {
  const order = await post("/sandbox/orders", { product: "P2", customer: "customer-1" });
  expect(order).toMatchObject({ state: "opening", answer: "000004 processing" });
  await shop.product({ productId: "P2" });
  await expect
    .poll(async () => {
      const { orders } = (await (await fetch(`${sandbox.url}/sandbox/orders`)).json()) as { orders: Order[] };
      return orders[0]!.state;
    })
    .toBe("open");
});

test("the page buys by a form, and shows what it shows as text", async () => {
  const form = (fields: Record<string, string>, headers = {}) =>
    fetch(`${sandbox.url}/shop?lang=en`, {
      method: "POST",
      body: new URLSearchParams(fields),
      redirect: "manual",
      headers,
    });
  const bought = await form({ product: "<b>P1</b>", mode: "ON_DEMAND", customer: "customer-1", days: "" });
  expect(bought.status).toBe(303);
  const page = await (await fetch(`${sandbox.url}/shop?lang=en`)).text();
  expect(page).toContain("&lt;b&gt;P1&lt;/b&gt;");
  expect((await form({ product: "P1", customer: "c" }, { "sec-fetch-site": "cross-site" })).status).toBe(403);
});

test.skipIf(CHROMIUM === undefined).each([
  ["en", ["open", "freeze", "frozen", "unfreeze", "open", "release", "released"]],
  ["zh", ["已开通", "冻结", "已冻结", "解冻", "已开通", "释放", "已释放"]],
] as const)("in a browser a person buys, freezes, unfreezes and releases: %s", async (lang, words) => {
  const browser = await openBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: 1_100, height: 700 } });
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    await page.goto(`${sandbox.url}/shop?lang=${lang}`);
    await page.fill("input[name=product]", "P1");
    await page.click("form:not(td form) button");
    const state = () => page.locator("tbody tr td:nth-child(2)").first().innerText();
    const seen: string[] = [await state()];
    for (const action of ["freeze", "unfreeze", "release"]) {
      const button = page.locator(`tbody tr button[value=${action}]`).first();
      // A button outside the visible page does not count: a person would not find it.
      expect((await button.boundingBox())!.x).toBeLessThan(1_000);
      seen.push(await button.innerText());
      await button.click();
      seen.push(await state());
    }
    expect(seen).toEqual(words);
    expect(await shop.ledger.rows("SELECT state FROM subscriptions")).toEqual([{ state: "closed" }]);
    expect(errors).toEqual([]);
  } finally {
    await browser.close();
  }
});

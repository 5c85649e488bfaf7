import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { boxAt, get, NOON } from "./kit.js";

test("what a seller never opens is asked for again by the marketplace's schedule, each time anew, and then fails", async () => {
  const asked: { at: number; businessId: string }[] = [];
  let now = () => 0;
  const seller = createServer((incoming, reply) => {
    let body = "";
    incoming.on("data", (chunk: Buffer) => (body += chunk.toString()));
    incoming.on("end", () => {
      asked.push({ at: now(), businessId: (JSON.parse(body) as { businessId: string }).businessId });
      reply.end(JSON.stringify({ resultCode: "000005", resultMsg: "not today" }));
    });
  });
  await new Promise<void>((resolve) => seller.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void seller.close());
  const sellerUrl = `http://127.0.0.1:${(seller.address() as AddressInfo).port}/koogallery`;
  const box = await boxAt(NOON, { sellerUrl, retries: "saas" });
  // An hour of product time takes a fifth of a second.
  await box.setClock({ start: NOON, rate: 18_000 });
  const began = Date.now();
  now = () => (Date.now() - began) * 18_000;
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ product: "P1", mode: "ON_DEMAND", customer: "c-1" });
  await get(box, "/sandbox/orders", { method: "POST", headers, body });
  await vi.waitFor(async () => {
    const { orders } = (await get(box, "/sandbox/orders")) as { orders: { state: string }[] };
    expect(orders[0]!.state).toBe("failed");
  }, 10_000);
  expect(asked).toHaveLength(4);
  expect(new Set(asked.map(({ businessId }) => businessId)).size).toBe(4);
  const hours = asked.slice(1).map(({ at }, index) => (at - asked[index]!.at) / 3_600_000);
  for (const distance of hours) expect(distance).toBeGreaterThan(0.98);
});

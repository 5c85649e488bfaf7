import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reservePort } from "@quarterpast/stack/servers";
import { formatInstant, HOUR, MINUTE } from "@quarterpast/domain";
import { addProduct, type Product } from "@quarterpast/store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { H } from "@quarterpast/testkit";
import {
  createPipeline,
  createService,
  eventually,
  type Pipeline,
  type ServiceProcess,
} from "@quarterpast/testkit/services";

let line: Pipeline;
let storefront: ServiceProcess;
let dir: string;
beforeEach(async () => {
  const port = await reservePort();
  line = await createPipeline(H, { sellerUrl: `http://127.0.0.1:${port}/koogallery` });
  dir = mkdtempSync(join(tmpdir(), "quarterpast-shop-"));
  const env = {
    ...{ DATABASE_URL: line.ledger.url, MARKETPLACE_KEY: "pipeline-key" },
    ...{ ORDER_QUERY_URL: line.sandbox.url, ORDER_AK: "sandbox", ORDER_SK: "pipeline-key" },
  };
  storefront = createService("storefront", port, env, dir);
  await line.ledger.meter("tokens", "sum");
});
afterEach(async (context) => {
  await storefront.kill();
  await line.end(context.task.result?.state === "fail");
  rmSync(dir, { recursive: true, force: true });
});

async function offer(product: Pick<Product, "productId" | "mode" | "meter" | "contents">): Promise<void> {
  const whole = { ...({ cycle: "hourly", resetRule: "none", deductionOrder: 0 } as const), ...product };
  const addresses = { frontEndUrl: null, adminUrl: null, dashboardUrl: null };
  await addProduct(line.ledger.pool, line.ledger.account.accountNo, { ...whole, ...addresses }, H);
}

async function post(url: string, body: object, headers = {}): Promise<Record<string, unknown>> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as Record<string, unknown>;
}
const buy = (product: string, mode: string) =>
  post(`${line.sandbox.url}/sandbox/orders`, { product, mode, customer: "customer-1" });

test("from buy to the first accepted bill record with nothing done by hand, its package named", async () => {
  await offer({ productId: "P1", mode: "pay_per_use", meter: "tokens", contents: [] });
  await offer({
    ...{ productId: "STOP", mode: "stop_package", meter: null },
    contents: [{ meter: "tokens", quota: "10" }],
  });
  await line.runClock(H + 2 * MINUTE, 1);
  for (const service of [storefront, line.collector, line.aggregator, line.reporter]) await service.start();
  const bought = await buy("P1", "ON_DEMAND");
  const packet = await buy("STOP", "ON_DEMAND_PKG");
  expect([bought["state"], packet["state"]]).toEqual(["open", "open"]);

  const event = { specversion: "1.0", id: "e-1", source: "app", type: "tokens", subject: "customer-1" };
  const auth = { authorization: `Bearer ${line.token}`, "content-type": "application/cloudevents+json" };
  const [life] = await line.ledger.rows<{ opened: number }>("SELECT opened FROM instances");
  const time = formatInstant(life!.opened);
  const sent = await post(
    `${line.collector.url}/v1/events`,
    { ...event, time, data: { quantity: "12.5" } },
    auth,
  );
  expect(sent).toMatchObject({ accepted: 1, rejected: [] });
  await eventually(
    () => line.ledger.rows("SELECT 1 FROM hour_usage"),
    (rows) => rows.length === 1,
    30_000,
  );
  await line.runClock(H + HOUR + 2 * MINUTE, 5);

  const states = () => line.ledger.rows<{ state: string }>("SELECT state FROM billing.records");
  await eventually(
    states,
    (rows) => rows.length === 2 && rows.every(({ state }) => state === "accepted"),
    30_000,
  );
  const held = line.sandbox.store
    .records()
    .map((one) => [one.instance_id, one.relate_pkg_instance, one.usage_value]);
  expect(held.sort((a, b) => Number(b[2]) - Number(a[2]))).toEqual([
    [bought["instanceId"], packet["instanceId"], "10.0000"],
    [bought["instanceId"], null, "2.5000"],
  ]);
}, 120_000);

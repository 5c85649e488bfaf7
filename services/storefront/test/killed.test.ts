import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reservePort } from "@quarterpast/stack/servers";
import { RETRY_SCHEDULES } from "@quarterpast/sandbox/koogallery";
import { addProduct, setClock } from "@quarterpast/store";
import { systemClock } from "@quarterpast/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { createService, type ServiceProcess } from "@quarterpast/testkit/services";
import {
  KEY,
  orderServer,
  signedV1,
  signedV2,
  SK,
  type FakeServer,
  type OrderedLine,
  type Reply,
} from "./kit.js";

const clock = systemClock() as never;

let ledger: Ledger;
let orders: FakeServer;
let lines: Map<string, OrderedLine>;
let dir: string;
let env: Record<string, string>;
let port: number;
let storefront: ServiceProcess;

beforeEach(async () => {
  ledger = await openLedger();
  await ledger.meter("tokens", "sum");
  lines = new Map();
  orders = await orderServer(lines);
  dir = mkdtempSync(join(tmpdir(), "quarterpast-storefront-"));
  port = await reservePort();
  env = {
    ...{ DATABASE_URL: ledger.url, MARKETPLACE_KEY: KEY },
    ...{ ORDER_QUERY_URL: orders.url, ORDER_AK: "ak", ORDER_SK: SK },
  };
  storefront = createService("storefront", port, env, dir);
});
afterEach(async (context) => {
  await storefront.kill();
  await orders.close();
  await ledger.end(context.task.result?.state === "fail");
  rmSync(dir, { recursive: true, force: true });
});

async function call(signed: { method: string; url: string; payload?: string }): Promise<Reply> {
  const { method, url, payload } = signed;
  const answer = await fetch(storefront.url + url, {
    method,
    ...(payload !== undefined && { body: payload }),
  });
  return (await answer.json()) as Reply;
}
const product = (productId: string) =>
  addProduct(
    ledger.pool,
    ledger.account.accountNo,
    {
      ...{ productId, mode: "pay_per_use", meter: "tokens", cycle: "hourly", resetRule: "none" },
      ...{ deductionOrder: 0, frontEndUrl: null, adminUrl: null, dashboardUrl: null, contents: [] },
    },
    H,
  );

const FAULTS = [
  ...["beforeReserve", "afterReserve", "afterOrder", "beforeProvide"],
  ...["afterProvide", "beforeInstance", "beforeOpened", "afterOpened"],
];

test.each([
  ["V2.0", FAULTS],
  // V1.0 never looks up an order.
  ["V1.0", FAULTS.filter((point) => point !== "afterOrder")],
])(
  "%s: killed at any point of newInstance and called again hourly for three hours, there is one instance",
  async (version, points) => {
    await product("P1");
    let now = H;
    for (const [at, point] of points.entries()) {
      const orderId = `CS${at}`;
      lines.set(`${orderId}/${orderId}-000001`, { products: ["P1"], mode: "ON_DEMAND", customer: `c-${at}` });
      const orderLineId = `${orderId}-000001`;
      const more = { productId: "P1", customerId: `c-${at}`, customerName: "c", chargingMode: "0" };
      const order = { activity: "newInstance", orderId };
      const buy = (businessId: string) =>
        call(
          version === "V2.0"
            ? signedV2(clock, { ...order, orderLineId, businessId })
            : signedV1(clock, { ...order, ...more, businessId }),
        );
      const answers: (Reply | undefined)[] = [];
      // The first call and the first repetition each meet a storefront that dies at the point, if they get there.
      for (const [call, wait] of [0, ...RETRY_SCHEDULES.saas.waits].entries()) {
        now += wait * 1_000;
        await setClock(ledger.pool, { realAnchor: Date.now() * 1_000, productAnchor: now, rate: 1 });
        if (answers.at(-1) === undefined) {
          const dies = call < 2 && { QUARTERPAST_FAULT_POINTS: `storefront.${point}=crash@1` };
          storefront = createService("storefront", port, { ...env, ...dies }, dir);
          await storefront.start();
        }
        answers.push(await buy(`${orderId}-${call}`).catch(() => undefined));
        if (answers.at(-1) === undefined) await storefront.stop();
      }
      await storefront.stop();
      expect(answers[0], point).toBeUndefined();
      // If both were killed before anything was stored, the third call counts as the first.
      const instanceId = `${orderId}-${point === "beforeReserve" ? 2 : 0}`;
      const opened = { resultCode: "000000", instanceId };
      expect(answers.slice(2), point).toMatchObject([opened, opened]);
      expect([undefined, instanceId], point).toContain(answers[1]?.instanceId);
    }
    const made = await ledger.rows("SELECT subject FROM instances ORDER BY subject");
    expect(made.map(({ subject }) => subject)).toEqual(points.map((_, at) => `c-${at}`));
  },
  120_000,
);

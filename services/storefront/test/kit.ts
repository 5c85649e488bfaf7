import { randomBytes, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { secret, storefrontOf } from "@quarterpast/marketplace";
import {
  apigSignature,
  authTokenOf,
  formatDigits,
  signV2,
  type Keyring,
} from "@quarterpast/marketplace/koogallery";
import { createHttp, createLogger, createMetrics, fixedClock, type FixedClock } from "@quarterpast/runtime";
import { addProduct, ensureAccount, type Product } from "@quarterpast/store";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";
import { createAccountStorefront, type AccountParts } from "../src/account.js";
import { addAddress, callSeconds } from "../src/address.js";
import { isFirstOf } from "../src/calls/nonces.js";
import { rerunDue } from "../src/calls/rerun.js";
import { createHookSender } from "../src/hooks/send.js";
import { createSeller } from "../src/hooks/seller.js";
import { watchPackages } from "../src/packages/watch.js";

export const KEY = "testAccessKey-0001";
export const SK = "order-secret";
export const logger = createLogger({ service: "test", level: "silent" });

/** Real time of the fixed clock, which signatures use. */
export const REAL = Date.UTC(2026, 2, 1, 10, 0, 0) * 1_000;

export interface FakeServer {
  url: string;
  requests: { url: string; body: string; headers: IncomingMessage["headers"] }[];
  close(): Promise<void>;
}

/** A third-party server that answers as the test says. */
export async function fakeServer(
  answer: (request: FakeServer["requests"][number]) => { status?: number; body?: unknown; delayMs?: number },
): Promise<FakeServer> {
  const requests: FakeServer["requests"] = [];
  const server: Server = createServer((incoming, reply) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const request = {
        url: incoming.url!,
        body: Buffer.concat(chunks).toString("utf8"),
        headers: incoming.headers,
      };
      requests.push(request);
      const { status = 200, body = {}, delayMs = 0 } = answer(request);
      setTimeout(() => {
        reply.writeHead(status, { "content-type": "application/json" });
        reply.end(typeof body === "string" ? body : JSON.stringify(body));
      }, delayMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))),
  };
}

export interface OrderedLine {
  mode: string;
  products: string[];
  customer?: string | null;
  expires?: string;
}

/** An order query that knows the given lines, `<order>/<line>`; it checks the signature like the gateway. */
export function orderServer(lines: Map<string, OrderedLine>): Promise<FakeServer> {
  return fakeServer(({ url, headers }) => {
    const { pathname, searchParams } = new URL(url, "http://host");
    const signed = /SignedHeaders=([^,]+), Signature=(\w+)/.exec(headers.authorization ?? "");
    const names = (signed?.[1] ?? "").split(";");
    const expected = apigSignature(SK, {
      method: "GET",
      path: pathname,
      query: [...searchParams],
      headers: Object.fromEntries(names.map((name) => [name, String(headers[name])])),
      body: "",
    });
    if (signed?.[2] !== expected)
      return { status: 401, body: { error_code: "CBC.0154", error_msg: "token" } };
    const [orderId, orderLineId] = [searchParams.get("orderId"), searchParams.get("orderLineId")];
    const line = lines.get(`${orderId}/${orderLineId}`);
    if (!line) return { status: 500, body: { resultCode: "CBC.0100", resultMsg: "no such order" } };
    return {
      body: {
        resultCode: "MKT.0000",
        resultMsg: "Success",
        orderInfo: {
          orderId,
          orderType: "NEW",
          createTime: "20241121090846",
          orderLine: [
            {
              orderLineId,
              chargingMode: line.mode,
              periodType: null,
              expireTime: line.expires ?? null,
              productInfo: line.products.map((productId) => ({ productId, skuCode: "sku", linearValue: 50 })),
              extendParams: null,
              currency: "100",
            },
          ],
          buyerInfo: {
            email: null,
            customerId: line.customer === undefined ? "customer-1" : line.customer,
            customerName: "mock_user_01",
            customerType: 0,
          },
          extendParams: [],
        },
      },
    };
  });
}

export type Reply = Record<string, unknown> & { resultCode: string; resultMsg: string };

export interface Shop {
  ledger: Ledger;
  clock: FixedClock;
  lines: Map<string, OrderedLine>;
  orders: FakeServer;
  http: ReturnType<typeof createHttp>;
  product(product: Partial<Product> & { productId: string }): Promise<string>;
  v2(body: Record<string, unknown>, options?: CallOptions): Promise<Reply>;
  v1(
    parameters: Record<string, string>,
    options?: CallOptions,
  ): Promise<Reply & { sign: string; text: string }>;
  /** One pass of each background loop. */
  openDue(): Promise<boolean>;
  deliverDue(): Promise<boolean>;
  rerunDue(): Promise<boolean>;
  watchPackages(): Promise<void>;
  close(failed?: boolean): Promise<void>;
}

export interface CallOptions {
  key?: string;
  nonce?: string;
  timestamp?: string;
}

/** Another account in the same database, which the first account's test ends. */
async function secondAccount(ledger: Ledger): Promise<Ledger> {
  const other = { code: "koogallery-two", marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 };
  const account = await ensureAccount(ledger.pool, other, H);
  return { ...ledger, account, end: async () => {} };
}

export interface ShopOptions {
  hookUrl?: string;
  noOrders?: boolean;
  /** Where orders are looked up, and with which keys; by default a server with the test's lines. */
  orderUrl?: string;
  accessKey?: { ak: string; sk: string };
  beside?: Shop;
  keys?: () => Keyring;
  settings?: Record<string, string>;
  pool?: AccountParts["pool"];
}

/** The storefront of one account, behind KooGallery's wire. */
export async function openShop(options: ShopOptions = {}): Promise<Shop> {
  const { hookUrl, noOrders, beside, settings, accessKey = { ak: "ak", sk: SK } } = options;
  const ledger = beside ? await secondAccount(beside.ledger) : await openLedger();
  await ledger.meter("tokens", "sum");
  await ledger.meter("images", "sum");
  const clock = fixedClock(H, REAL);
  const lines = new Map<string, OrderedLine>();
  const orders = await orderServer(lines);
  const metrics = createMetrics("test");
  const { account } = ledger;
  const { accountNo } = account;
  const pool = options.pool ?? ledger.pool;
  const declared = {
    ...account,
    settings: { ORDER_QUERY_URL: options.orderUrl ?? orders.url, ...settings },
  };
  const keyring = options.keys ?? (() => ({ account: [KEY], products: new Map() }));
  const secrets = () => ({
    keyring: keyring(),
    accessKey: noOrders ? undefined : { ak: accessKey.ak, sk: secret(accessKey.sk) },
  });
  const side = storefrontOf(declared, secrets, {
    real: () => clock.real(),
    letters: (count) => randomBytes(count).toString("hex").slice(0, count),
    isFirst: isFirstOf(pool, accountNo),
    onError: () => {},
  })!;
  const sender = hookUrl
    ? createHookSender({ url: hookUrl, key: "hook-key", now: () => clock.real() })
    : undefined;
  const parts: AccountParts = {
    ...{ pool, clock, logger, accountNo, side, lowBalancePercent: 10 },
    seller: createSeller({ pool, clock, accountNo, sender, id: randomUUID }),
    template: { frontEndUrl: "https://app.example/" },
  };
  const storefront = createAccountStorefront(parts);
  const http = createHttp({ logger, metrics, ready: {} });
  addAddress(http, ["/koogallery"], { ...storefront, clock, logger, seconds: callSeconds(metrics) });
  await http.ready();
  return {
    ...{ ledger, clock, lines, orders, http },
    product: async (product) => {
      const whole: Product = {
        ...{ mode: "pay_per_use", cycle: "hourly", resetRule: "none", deductionOrder: 0, contents: [] },
        ...{ frontEndUrl: null, adminUrl: null, dashboardUrl: null },
        meter: (product.mode ?? "pay_per_use") === "pay_per_use" ? "tokens" : null,
        ...product,
      };
      return (await addProduct(ledger.pool, accountNo, whole, clock.now())).outcome;
    },
    v2: async (body, call) => {
      const answer = await http.inject(signedV2(clock, body, call));
      if (answer.statusCode !== 200) throw new Error(`HTTP ${answer.statusCode}: ${answer.body}`);
      return answer.json() as Reply;
    },
    v1: async (parameters, call) => {
      const answer = await http.inject(signedV1(clock, parameters, call));
      const sign = String(answer.headers["body-sign"]);
      return { ...(answer.json() as Reply), sign, text: answer.body };
    },
    openDue: () => storefront.opener.openDue(),
    deliverDue: () => parts.seller.deliverDue(),
    rerunDue: () => rerunDue({ ...parts, ...storefront }),
    watchPackages: () => watchPackages(parts),
    close: async (failed) => {
      await http.close();
      await storefront.stop();
      await side.close();
      await orders.close();
      await ledger.end(failed);
    },
  };
}

/** A signed V2.0 call, keys sorted, compact. */
export function signedV2(clock: FixedClock, body: Record<string, unknown>, options: CallOptions = {}) {
  const sorted = Object.fromEntries(Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1)));
  return signedV2Text(clock, JSON.stringify(sorted), options);
}

/** A signed V2.0 call with the body unchanged. */
export function signedV2Text(clock: FixedClock, payload: string, options: CallOptions = {}) {
  const { key = KEY, nonce = randomUUID(), timestamp = String(Math.floor(clock.real() / 1_000)) } = options;
  const signature = signV2(key, payload, nonce, timestamp);
  return {
    method: "POST" as const,
    url: `/koogallery?signature=${signature}&timestamp=${timestamp}&nonce=${nonce}`,
    headers: { "content-type": "application/json" },
    payload,
  };
}

/** A signed V1.0 call. */
export function signedV1(clock: FixedClock, parameters: Record<string, string>, options: CallOptions = {}) {
  const { key = KEY, timestamp = formatDigits(clock.real()) } = options;
  const all = new Map(Object.entries({ ...parameters, timeStamp: timestamp }));
  const query = new URLSearchParams([...all, ["authToken", authTokenOf(key, all)]]);
  return { method: "GET" as const, url: `/koogallery?${query}` };
}

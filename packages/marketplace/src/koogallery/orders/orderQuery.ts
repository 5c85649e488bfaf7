import type { Micros } from "@quarterpast/domain";
import { Agent, type Dispatcher } from "undici";
import { endpointOf, type Endpoint } from "../../http/endpoint.js";
import { exchange, type Exchange } from "../../http/exchange.js";
import { isObject, parseJson } from "../../json.js";
import type { AccessKey } from "../push.js";
import { normalCallCode } from "../codes.js";
import { SITES, type Site } from "../site.js";
import { apigHeaders, queryString } from "./apigSign.js";
import { readOrder, type Order } from "./order.js";

const PATH = "/api/mkp-openapi-public/global/v1/order/query";
const CONNECT_MS = 2_000;
const TOTAL_MS = 10_000;
const MAX_REPLY_BYTES = 1024 * 1024;

export interface OrderQuerySettings extends AccessKey {
  site: Site;
  /** Used instead of the site's own hosts; plain http only for loopback. */
  baseUrl?: string | undefined;
  /** Real time. */
  now: () => Micros;
  dispatcher?: Dispatcher | undefined;
}

/** The result of an order query; `retry` is worth another try, `refused` stays until something changes. */
export type OrderAnswer =
  { kind: "order"; order: Order; raw: string } | { kind: "retry" | "refused"; code: string; detail: string };

export interface OrderQuery {
  find(orderId: string, orderLineId: string | undefined, signal?: AbortSignal): Promise<OrderAnswer>;
  close(): Promise<void>;
}

/** Codes that may be different next time (koogallery.md 1.5). */
const PASSING = new Set(["MKT.0999", "MKT.0250", "NO_CODE"]);

/**
 * Creates the client of the order query (koogallery.md 4). https with the system's certificate checks; the fallback
 * host is asked only if the first cannot be reached at all.
 * @throws MarketplaceSettingError for an address that is not https
 */
export function createOrderQuery(settings: OrderQuerySettings): OrderQuery {
  const { site, baseUrl, dispatcher = new Agent({ connect: { timeout: CONNECT_MS } }) } = settings;
  const hosts = baseUrl === undefined ? [SITES[site].primary, ...SITES[site].fallback] : [baseUrl];
  const endpoints = hosts.map((host) => endpointOf("orderQueryUrl", host));
  return {
    async find(orderId, orderLineId, signal) {
      const query: [string, string][] = [["orderId", orderId]];
      if (orderLineId !== undefined) query.push(["orderLineId", orderLineId]);
      let result: Exchange | undefined;
      for (const endpoint of endpoints) {
        result = await ask(settings, dispatcher, endpoint, query, signal);
        if (result.kind !== "not_sent") break;
      }
      return judge(result!);
    },
    close: async () => {
      if (settings.dispatcher === undefined) await dispatcher.destroy();
    },
  };
}

function ask(
  { ak, sk, now }: OrderQuerySettings,
  dispatcher: Dispatcher,
  endpoint: Endpoint,
  query: [string, string][],
  signal: AbortSignal | undefined,
): Promise<Exchange> {
  const path = endpoint.basePath + PATH;
  const headers = { host: endpoint.host, "content-type": "application/json;charset=UTF-8" };
  const request = { method: "GET", path, query, headers, body: "" };
  return exchange(dispatcher, {
    origin: endpoint.origin,
    path: `${path}?${queryString(query)}`,
    method: "GET",
    headers: apigHeaders({ ak, sk: sk.reveal() }, now(), request),
    headersMs: TOTAL_MS,
    totalMs: TOTAL_MS,
    maxReplyBytes: MAX_REPLY_BYTES,
    signal,
  });
}

function judge(result: Exchange): OrderAnswer {
  if (result.kind !== "reply") return { kind: "retry", code: result.code, detail: result.detail };
  const raw = result.body.toString("utf8");
  const json = parseJson(raw);
  const reply = isObject(json) ? json : {};
  const given = reply["resultCode"] ?? reply["error_code"];
  const code = typeof given === "string" ? normalCallCode(given) : "NO_CODE";
  const order = code === "MKT.0000" ? readOrder(reply["orderInfo"]) : undefined;
  if (order) return { kind: "order", order, raw };
  const message = reply["resultMsg"] ?? reply["error_msg"];
  const detail = typeof message === "string" ? message.slice(0, 500) : `HTTP ${result.status}`;
  const passes = PASSING.has(code) || result.status === 429 || /^APIGW?\./i.test(code);
  return { kind: passes ? "retry" : "refused", code, detail };
}

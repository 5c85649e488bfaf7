import { randomUUID } from "node:crypto";
import { authTokenOf, formatDigits, signV2 } from "@quarterpast/marketplace/koogallery";
import { instanceOf } from "./fill.js";

/** A signed call, ready to send. */
export interface SignedCall {
  kind: string;
  method: "GET" | "POST";
  path: string;
  body: string;
}

function v2(kind: string, key: string, fields: Record<string, string>): SignedCall {
  const body = JSON.stringify(
    Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
  const [timestamp, nonce] = [String(Date.now()), randomUUID()];
  const signature = signV2(key, body, nonce, timestamp);
  const path = `/koogallery?signature=${signature}&timestamp=${timestamp}&nonce=${nonce}`;
  return { kind: `v2 ${kind}`, method: "POST", path, body };
}

function v1(kind: string, key: string, fields: Record<string, string>): SignedCall {
  const parameters = new Map(Object.entries({ ...fields, timeStamp: formatDigits(Date.now() * 1_000) }));
  parameters.set("authToken", authTokenOf(key, parameters));
  const path = `/koogallery?${new URLSearchParams([...parameters]).toString()}`;
  return { kind: `v1 ${kind}`, method: "GET", path, body: "" };
}

/** Calls of each kind among a hundred; all others query one instance, like buyers who look at what they bought. */
const MIX: [kind: string, calls: number][] = [
  ["buy", 2],
  ["buyV1", 1],
  ["buyAgain", 1],
  ["hundred", 2],
  ["hundredV1", 1],
  ["status", 4],
  ["statusV1", 2],
  ["renew", 2],
  ["release", 1],
  ["debug", 3],
  ["notify", 1],
  ["queryV1", 16],
];
const KINDS = MIX.flatMap(([kind, calls]) => Array.from({ length: calls }, () => kind));
const ROUND = 100;

/** The n-th call of the load, signed now. Kinds are spread over the hundred, not one after the other. */
export function makeCall(key: string, n: number, instances: number): SignedCall {
  const one = instanceOf(1 + ((n * 7_919) % instances));
  const hundred = () =>
    Array.from({ length: 100 }, (_, at) => instanceOf(1 + ((n * 104_729 + at * 9_973) % instances))).join(
      ",",
    );
  const order = { orderId: `NEW${n}`, orderLineId: `NEW${n}-000001` };
  switch (KINDS[(n * 7) % ROUND]) {
    case "buy":
      return v2("newInstance", key, { activity: "newInstance", ...order, businessId: randomUUID() });
    case "buyAgain":
      return v2("newInstance, known", key, {
        ...{ activity: "newInstance", orderId: "NEW0", orderLineId: "NEW0-000001", businessId: randomUUID() },
      });
    case "buyV1":
      return v1("newInstance", key, {
        ...{ activity: "newInstance", orderId: `OLD${n}`, productId: "P1", chargingMode: "0" },
        ...{ customerId: `old-${n}`, customerName: "c", businessId: randomUUID() },
      });
    case "hundred":
      return v2("queryInstance of 100", key, { activity: "queryInstance", instanceId: hundred() });
    case "hundredV1":
      return v1("queryInstance of 100", key, { activity: "queryInstance", instanceId: hundred() });
    case "status":
      return v2("updateInstanceStatus", key, {
        ...{ activity: "updateInstanceStatus", instanceId: one, status: "FREEZE" },
      });
    case "statusV1":
      return v1("instanceStatus", key, {
        ...{ activity: "instanceStatus", instanceId: one, instanceStatus: "FREEZE" },
      });
    case "renew":
      return v2("refreshInstance", key, {
        ...{ activity: "refreshInstance", scene: "RENEWAL", instanceId: one, expireTime: "20270101000000" },
        ...order,
      });
    case "release":
      return v2("releaseInstance", key, {
        activity: "releaseInstance",
        instanceId: one,
        orderId: order.orderId,
      });
    case "debug":
      return v2("debugging", key, {
        activity: "newInstance",
        ...order,
        businessId: randomUUID(),
        testFlag: "1",
      });
    case "notify":
      return v2("orderNotify", key, { activity: "orderNotify", ...order });
    case "queryV1":
      return v1("queryInstance", key, { activity: "queryInstance", instanceId: one });
    default:
      return v2("queryInstance", key, { activity: "queryInstance", instanceId: one });
  }
}

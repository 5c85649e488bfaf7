import { API } from "@quarterpast/contract";
import {
  askRerun,
  findCall,
  findRerun,
  listCalls,
  listSubscriptions,
  listWaitingHooks,
  type Hook,
  type KeptCall,
  type Subscription,
} from "@quarterpast/store";
import { iso, isoOrNull } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../deps.js";
import { serveList } from "../list.js";
import { serve, serveMerged, type Routes } from "../serve.js";

/** What the storefront knows and was asked: subscriptions, every call, hooks that were not taken. */
export function addStorefront(
  routes: Routes,
  { pool, clock, account: { accountNo, code } }: RouteDeps,
): void {
  serveList(routes, API.listSubscriptions, {
    read: ({ after: before, state, limit }) => listSubscriptions(pool, accountNo, { before, state, limit }),
    toApi: (one) => ({ account: code, ...subscriptionToApi(one) }),
    cursorOf: ({ subscriptionNo }) => String(subscriptionNo),
    keyOf: ({ subscriptionNo }) => [subscriptionNo],
    newestFirst: true,
  });

  serveMerged(routes, API.listHooks, accountNo, async (parts, { query: { limit } }) => {
    const read = await Promise.all(
      parts.map(async ({ account, own }) =>
        (await listWaitingHooks(pool, own, limit)).map((hook) => ({ account, ...hookToApi(hook) })),
      ),
    );
    const items = read.flat().toSorted((a, b) => a.hookId - b.hookId);
    return { items: items.slice(0, limit), next: null };
  });

  serveList(routes, API.listCalls, {
    read: ({ after: before, ...filter }) => listCalls(pool, accountNo, { before, ...filter }),
    toApi: (call) => ({ account: code, ...callToApi(call) }),
    cursorOf: ({ callId }) => String(callId),
    keyOf: ({ callId }) => [callId],
    newestFirst: true,
  });

  serve(routes, API.rerunCall, async (request, reply) => {
    const { id } = request.params;
    const call = await findCall(pool, accountNo, id);
    if (!call) throw refusal("not_found", { en: `There is no call ${id}`, zh: `调用 ${id} 不存在` });
    if (!call.authentic) {
      throw refusal("state_forbids", {
        en: `Call ${id} was signed by none of our keys: it is not run again`,
        zh: `调用 ${id} 的签名无效，不会重新运行`,
      });
    }
    const rerunId = await askRerun(pool, id, request.apiKey.keyId, clock.now());
    return reply.code(202).send({ rerunId, callId: id });
  });

  serve(routes, API.readRerun, async ({ params: { id } }) => {
    const rerun = await findRerun(pool, accountNo, id);
    if (!rerun) throw refusal("not_found", { en: `There is no rerun ${id}`, zh: `重新运行 ${id} 不存在` });
    return { ...rerun, doneAt: rerun.doneAt === null ? null : iso(rerun.doneAt) };
  });
}

const hookToApi = (hook: Hook) => ({ ...hook, deliveredAt: isoOrNull(hook.deliveredAt) });

function callToApi(call: KeptCall) {
  return { ...call, received: iso(call.received) };
}

/** Leaves out the seller's answer, which may contain a customer's credentials. */
function subscriptionToApi({ provided: _, accountNo: __, ...one }: Subscription) {
  return {
    ...one,
    receivedAt: iso(one.receivedAt),
    expires: isoOrNull(one.expires),
    opened: isoOrNull(one.opened),
  };
}

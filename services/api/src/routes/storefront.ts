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
import { iso, isoOrNull, page } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../deps.js";
import { serve, type Routes } from "../serve.js";

/** What the storefront has received: subscriptions, every call, and hooks that were not delivered. */
export function addStorefront(routes: Routes, { pool, clock, account: { accountNo } }: RouteDeps): void {
  serve(routes, API.listSubscriptions, async ({ query }) => {
    const { cursor, limit, state } = query;
    const read = await listSubscriptions(pool, accountNo, { before: cursor, state, limit: limit + 1 });
    return page(read, limit, subscriptionToApi, (one) => String(one.subscriptionNo));
  });

  serve(routes, API.listHooks, async ({ query }) => ({
    items: (await listWaitingHooks(pool, accountNo, query.limit)).map(hookToApi),
    next: null,
  }));

  serve(routes, API.listCalls, async ({ query }) => {
    const { cursor, limit, ref, failed } = query;
    const filter = { before: cursor, ref, failed, limit: limit + 1 };
    return page(await listCalls(pool, accountNo, filter), limit, callToApi, (call) => String(call.callId));
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

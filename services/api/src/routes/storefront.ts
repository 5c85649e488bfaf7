import {
  askRerun,
  findCall,
  findRerun,
  listCalls,
  listSubscriptions,
  listWaitingHooks,
  type KeptCall,
  type Subscription,
} from "@quarterpast/store";
import { z } from "zod";
import * as fields from "../fields.js";
import { iso, page } from "../present.js";
import { refusal } from "../refuse.js";
import type { RouteDeps } from "../server.js";
import { field, type Routes } from "../validate.js";

const NUMBER = { en: "a whole number above 0", zh: "大于 0 的整数" };
const number = z
  .string()
  .regex(/^[1-9]\d{0,14}$/)
  .transform(Number);
const before = () => field(NUMBER, number.optional());
const numbered = z.strictObject({
  id: field(
    NUMBER,
    number.refine(() => true),
  ),
});
const paging = { cursor: before(), limit: fields.limit(1_000, 100) };
const calls = z.strictObject({
  ...paging,
  ref: fields.optionalInstanceId(),
  failed: field({ en: "true or false", zh: " true 或 false" }, z.enum(["true", "false"]).optional()),
});
const STATES = ["opening", "active", "suspended", "closed", "same"] as const;
const subscriptions = z.strictObject({
  ...paging,
  state: field(
    { en: `one of ${STATES.join(", ")}`, zh: `${STATES.join("、")} 之一` },
    z.enum(STATES).optional(),
  ),
});
const limited = z.strictObject({ limit: fields.limit(1_000, 100) });

/** What the storefront knows and was asked: subscriptions, every call, hooks that were not taken. */
export function addStorefront(routes: Routes, { pool, clock, account: { accountNo } }: RouteDeps): void {
  routes.get("/subscriptions", { schema: { querystring: subscriptions } }, async ({ query }) => {
    const { cursor, limit, state } = query;
    const read = await listSubscriptions(pool, accountNo, { before: cursor, state, limit: limit + 1 });
    return page(read, limit, subscriptionToApi, (one) => String(one.subscriptionNo));
  });

  routes.get("/hooks", { schema: { querystring: limited } }, async ({ query }) => ({
    items: await listWaitingHooks(pool, accountNo, query.limit),
    next: null,
  }));

  routes.get("/calls", { schema: { querystring: calls } }, async ({ query }) => {
    const { cursor, limit, ref, failed } = query;
    const filter = { before: cursor, ref, failed: failed === "true", limit: limit + 1 };
    return page(await listCalls(pool, accountNo, filter), limit, callToApi, (call) => String(call.callId));
  });

  routes.post("/calls/:id/rerun", { schema: { params: numbered } }, async (request, reply) => {
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

  routes.get("/reruns/:id", { schema: { params: numbered } }, async ({ params: { id } }) => {
    const rerun = await findRerun(pool, accountNo, id);
    if (!rerun) throw refusal("not_found", { en: `There is no rerun ${id}`, zh: `重新运行 ${id} 不存在` });
    return { ...rerun, doneAt: rerun.doneAt === null ? null : iso(rerun.doneAt) };
  });
}

function callToApi(call: KeptCall) {
  return { ...call, received: iso(call.received) };
}

/** Without the seller's answer, which may hold a customer's credentials. */
function subscriptionToApi({ provided: _, ...one }: Subscription) {
  const isoOrNull = (at: number | null) => (at === null ? null : iso(at));
  return {
    ...one,
    receivedAt: iso(one.receivedAt),
    expires: isoOrNull(one.expires),
    opened: isoOrNull(one.opened),
  };
}

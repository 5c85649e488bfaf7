import { nestedTooDeep, readJson } from "@quarterpast/domain";
import { z } from "zod";
import type { Asked, Asking } from "./call.js";
import * as fields from "./fields.js";
import { readWith, type Read } from "./fields.js";
import { STOREFRONT_LIMITS } from "./resultCodes.js";

const order = { orderId: fields.orderId(), orderLineId: fields.orderId() };
const instance = { instanceId: fields.instanceId() };

const REFRESH_SCENES = [
  "TRIAL_TO_FORMAL",
  "RENEWAL",
  "UNSUBSCRIBE_RENEWAL_PERIOD",
  "RENEWAL_CHANGE",
] as const;

/** Activities of V2.0 (koogallery.md 3.2), each with what it asks for. */
const ACTIVITIES = {
  newInstance: z
    .object({ ...order, businessId: fields.businessId() })
    .transform(({ orderId, orderLineId, businessId }): Asked => ({
      ...{ activity: "newInstance", version: "v2", businessId, orderId, item: orderLineId },
      ...{ productId: null, mode: null, customerId: null, customerName: null, expires: null, terms: {} },
    })),
  queryInstance: z
    .object({ instanceId: fields.instanceIds(STOREFRONT_LIMITS.queriedInstances) })
    .transform(({ instanceId }): Asked => ({ activity: "queryInstance", instanceIds: instanceId })),
  refreshInstance: z
    .object({
      ...order,
      ...instance,
      scene: z.enum(REFRESH_SCENES),
      productId: fields.maybeId(),
      expireTime: fields.time(),
    })
    .transform(({ instanceId, orderId, orderLineId, scene, expireTime: expires }): Asked => ({
      ...{ activity: "refreshInstance", instanceId, scene, expires },
      orderRef: `${orderId}/${orderLineId}/${scene}`,
    })),
  updateInstanceStatus: z
    .object({ ...instance, status: z.enum(["FREEZE", "UNFREEZE"]) })
    .transform(({ instanceId, status }): Asked => ({
      ...{ activity: "setStatus", instanceId, freeze: status === "FREEZE", why: "status" },
    })),
  releaseInstance: z
    .object({ ...instance, orderId: fields.maybeId(), orderLineId: fields.maybeId() })
    .transform(({ instanceId, orderId = "" }): Asked => ({
      ...{ activity: "releaseInstance", instanceId, orderRef: orderId },
    })),
  upgradeInstance: z
    .object({ ...order, ...instance })
    .transform(({ instanceId, orderId, orderLineId: item }): Asked => ({
      ...{ activity: "upgradeInstance", instanceId, orderId, item, productId: undefined, terms: {} },
    })),
  changeInstanceCheck: z
    .object({ ...instance, productInfo: z.record(z.string(), z.unknown()) })
    .transform((body): Asked => ({ activity: "changeInstanceCheck", ...body })),
  orderNotify: z
    .object(order)
    .transform(({ orderId, orderLineId: item }): Asked => ({ activity: "orderNotify", orderId, item })),
} as const satisfies Record<string, z.ZodType<Asked>>;

/** Absent, null and "0" mean no test; numbers occur too (koogallery.md 9.14). */
const envelope = z.looseObject({
  activity: z.string(),
  testFlag: z.union([z.enum(["0", "1", ""]), z.literal(0), z.literal(1), z.null()]).optional(),
});

/** Reads the body of a V2.0 call. */
export function readV2(body: Buffer): Read<Asking> {
  const json = readJson(body.toString("utf8"));
  if (!json.ok) return { ok: false, message: `invalid parameter: no JSON, or ${nestedTooDeep().en}` };
  const outer = readWith(envelope, json.value);
  if (!outer.ok) return outer;
  const { activity, testFlag } = outer.value;
  if (!Object.hasOwn(ACTIVITIES, activity)) return { ok: false, message: "invalid parameter: activity" };
  const asked = readWith<Asked>(ACTIVITIES[activity as keyof typeof ACTIVITIES], outer.value);
  if (!asked.ok) return asked;
  return { ok: true, value: { asked: asked.value, test: testFlag === "1" || testFlag === 1 } };
}

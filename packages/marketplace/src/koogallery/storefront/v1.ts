import { readJson } from "@quarterpast/domain";
import { z } from "zod";
import type { OrderedMode } from "../../storefront.js";
import type { Asked, Asking } from "./call.js";
import * as fields from "./fields.js";
import { readWith, type Read } from "./fields.js";
import type { Parameters } from "./query.js";
import { STOREFRONT_LIMITS } from "./resultCodes.js";
import { decryptSensitive } from "./sensitive.js";

/** Codes of chargingMode (koogallery.md 3.5). */
const MODES: Record<string, OrderedMode> = {
  "0": "pay_per_use",
  "1": "period",
  "3": "per_use",
  "5": "package",
};

const newInstance = z.looseObject({
  businessId: fields.businessId(),
  orderId: fields.orderId(),
  productId: fields.productId(),
  customerId: fields.customerId(),
  customerName: fields.maybeText(255),
  chargingMode: z.enum(["0", "1", "3", "5"]).optional(),
  expireTime: fields.maybeTime(),
  saasExtendParams: fields.maybeText(4_096),
  mobilePhone: fields.maybeText(1_024),
  email: fields.maybeText(1_024),
});

/** Parameters about what was bought besides product and mode: linear attributes and the like. */
const TERMS = [
  "skuCode",
  "userId",
  "userName",
  "periodType",
  "periodNumber",
  "amount",
  "diskSize",
  "orderAmount",
  "trialFlag",
] as const;

const instance = { instanceId: fields.instanceId() };

const refresh = z
  .object({
    ...instance,
    orderId: fields.orderId(),
    expireTime: fields.time(),
    productId: fields.maybeId(),
    trialToFormal: z.enum(["0", "1"]).optional(),
  })
  .transform(({ instanceId, orderId, expireTime: expires, trialToFormal }): Asked => ({
    ...{ activity: "refreshInstance", instanceId, orderRef: orderId, expires },
    scene: trialToFormal === "1" ? "TRIAL_TO_FORMAL" : "RENEWAL",
  }));
const expire = z.object({ ...instance, orderId: fields.maybeId() }).transform(({ instanceId }): Asked => ({
  activity: "setStatus",
  instanceId,
  freeze: true,
  why: "expired",
}));
const release = z
  .object({ ...instance, orderId: fields.maybeId() })
  .transform(({ instanceId, orderId = "" }): Asked => ({
    ...{ activity: "releaseInstance", instanceId, orderRef: orderId },
  }));
const status = z
  .object({ ...instance, instanceStatus: z.enum(["FREEZE", "NORMAL"]) })
  .transform(({ instanceId, instanceStatus }): Asked => ({
    ...{ activity: "setStatus", instanceId, freeze: instanceStatus === "FREEZE", why: "status" },
  }));
const query = z
  .object({ instanceId: fields.instanceIds(STOREFRONT_LIMITS.queriedInstances) })
  .transform(({ instanceId }): Asked => ({ activity: "queryInstance", instanceIds: instanceId }));
const upgrade = z
  .looseObject({ ...instance, orderId: fields.orderId(), productId: fields.productId() })
  .transform(({ instanceId, orderId, productId, ...rest }): Asked => ({
    ...{ activity: "upgradeInstance", instanceId, orderId, item: undefined, productId },
    terms: pickTerms(rest),
  }));

/** Activities of V1.0 except newInstance, which needs the key. */
const ACTIVITIES = {
  refreshInstance: refresh,
  expireInstance: expire,
  releaseInstance: release,
  instanceStatus: status,
  queryInstance: query,
  upgrade,
} as const satisfies Record<string, z.ZodType<Asked>>;

/** Reads the parameters of a V1.0 call. @param key the one that signed it: sensitive fields are decrypted with it. */
export function readV1(parameters: Parameters, key: string): Read<Asking> {
  const input = Object.fromEntries(parameters);
  const { activity = "", testFlag = "" } = input;
  const test = testFlag.trim() === "1";
  if (activity === "newInstance") {
    const read = readWith(newInstance, input);
    return read.ok ? { ok: true, value: { asked: toNewInstance(read.value, key), test } } : read;
  }
  if (!Object.hasOwn(ACTIVITIES, activity)) return { ok: false, message: "invalid parameter: activity" };
  const asked = readWith<Asked>(ACTIVITIES[activity as keyof typeof ACTIVITIES], input);
  return asked.ok ? { ok: true, value: { asked: asked.value, test } } : asked;
}

function toNewInstance(input: z.output<typeof newInstance>, key: string): Asked {
  const { businessId, orderId, productId, customerId, chargingMode } = input;
  return {
    activity: "newInstance",
    version: "v1",
    businessId,
    orderId,
    item: productId,
    productId,
    mode: MODES[chargingMode ?? ""] ?? null,
    customerId,
    customerName: input.customerName ?? null,
    expires: input.expireTime ?? null,
    terms: {
      ...pickTerms(input),
      ...decrypted(key, "mobilePhone", input.mobilePhone),
      ...decrypted(key, "email", input.email),
      ...extendParams(input.saasExtendParams),
    },
  };
}

function pickTerms(input: Record<string, unknown>): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of TERMS) {
    const value = input[name];
    if (typeof value === "string" && value !== "") picked[name] = value.slice(0, 255);
  }
  return picked;
}

/** The call does not say which key length was used: printable text proves it. */
function decrypted(key: string, name: string, sealed: string | undefined): Record<string, string> {
  if (sealed === undefined) return {};
  for (const type of ["1", "2"] as const) {
    const plain = decryptSensitive(key, type, sealed);
    if (plain !== undefined && /^[^\p{Cc}\p{Cs}\uFFFD]+$/u.test(plain)) return { [name]: plain };
  }
  return {};
}

/** urlEncode(base64(json)) of a list of names and values (koogallery.md 3.5); left out if it is anything else. */
function extendParams(text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  try {
    const decoded = Buffer.from(decodeURIComponent(text).replaceAll(" ", "+"), "base64").toString("utf8");
    const list = readJson(decoded);
    return list.ok && Array.isArray(list.value) ? { extendParams: list.value } : {};
  } catch {
    return {};
  }
}

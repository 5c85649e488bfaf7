import { within } from "@quarterpast/runtime";
import type { NotDone, Storefront } from "../../storefront.js";
import { refuse, type Answer, type Asked, type Asking } from "./call.js";
import { readChangeCheck, type KooGalleryExtensions } from "./extensions.js";

/** The marketplace waits 5 s (koogallery.md 3). */
const ANSWER_WITHIN_MS = 4_300;
const OPEN_WITHIN_MS = 3_000;
/** Most of it is for the seller's service. */
const ASK_WITHIN_MS = 3_000;

const DONE: Answer = { code: "000000" };

/** Does what a call asks for. Never rejects, and answers in time: what takes longer continues in the background. */
export async function act(
  storefront: Storefront,
  asking: Asking,
  onError: (error: unknown, what: string) => void,
): Promise<Answer> {
  const late: Answer = { code: "000005", detail: `not done within ${ANSWER_WITHIN_MS} ms` };
  try {
    const work = asking.test ? answerDebug(storefront, asking.asked) : carryOut(storefront, asking.asked);
    return await within(ANSWER_WITHIN_MS, work, () => late);
  } catch (error) {
    onError(error, `a call failed: ${asking.asked.activity}`);
    return { code: "000005", detail: error instanceof Error ? error.message : "error" };
  }
}

async function carryOut(storefront: Storefront, asked: Asked): Promise<Answer> {
  switch (asked.activity) {
    case "newInstance": {
      const opened = await storefront.open(asked, OPEN_WITHIN_MS);
      if (opened.outcome !== "done") return answerOf(opened);
      return { ...DONE, instanceId: opened.instanceId, provided: opened.provided };
    }
    case "queryInstance":
      return query(storefront, asked.instanceIds);
    case "refreshInstance":
      return answerOf(await storefront.renew(asked));
    case "setStatus":
      return answerOf(await (asked.freeze ? storefront.suspend(asked) : storefront.resume(asked)));
    case "releaseInstance":
      return answerOf(await storefront.close(asked));
    case "upgradeInstance":
      return answerOf(await storefront.change(asked));
    case "changeInstanceCheck":
      return checkChange(storefront, asked);
    case "orderNotify":
      return notify(storefront, asked);
  }
}

function answerOf(acted: { outcome: "done" } | NotDone): Answer {
  switch (acted.outcome) {
    case "done":
      return DONE;
    case "unknown_instance":
      return refuse("000003", `instance ID does not exist: ${acted.instanceId}`);
    case "id_taken":
      return refuse("000002", "invalid parameter: businessId is the instance ID of another order");
    case "processing":
      return { code: "000004", instanceId: acted.instanceId, detail: acted.detail };
    case "refused":
      return refuse("000005", acted.message);
    case "failed":
      return { code: "000005", detail: acted.detail };
  }
}

async function query(storefront: Storefront, ids: readonly string[]): Promise<Answer> {
  const { instances, opening, unknown } = await storefront.query(ids);
  if (unknown.length > 0) {
    return { code: "000003", message: `instance ID does not exist: ${unknown[0]}`, instances };
  }
  return { code: opening.length > 0 ? "000004" : "000000", instances };
}

/** Whether an instance may change to another product: the seller's service decides; without one it may. */
async function checkChange(
  storefront: Storefront,
  { instanceId, productInfo }: Extract<Asked, { activity: "changeInstanceCheck" }>,
): Promise<Answer> {
  const data: KooGalleryExtensions["instance.check"] = { instanceId, productInfo };
  const replied = await storefront.ask({ act: "instance.check", instanceId, data }, ASK_WITHIN_MS);
  if (replied.outcome === "not_asked") return DONE;
  if (replied.outcome !== "answered") return answerOf(replied);
  const { allowed, message } = readChangeCheck(replied.reply);
  return allowed ? DONE : refuse("000005", message ?? "this change is not possible");
}

/** An order was placed: notifies the seller's service, looks the order up and stores it (koogallery.md 3.9). */
async function notify(
  storefront: Storefront,
  { orderId, item }: Extract<Asked, { activity: "orderNotify" }>,
): Promise<Answer> {
  const data: KooGalleryExtensions["order.notified"] = { orderId, orderLineId: item };
  const news = { act: "order.notified", ref: orderId, key: `order-${orderId}-${item}`, data };
  const told = await storefront.tell(news);
  if (told.outcome === "done") storefront.learn(orderId, item);
  return answerOf(told);
}

/**
 * Answers a debugging call: always with success, however often, and apart from all production rows, because a failing
 * one hides the product from the market (koogallery.md 3.8, 9).
 */
async function answerDebug(storefront: Storefront, asked: Asked): Promise<Answer> {
  if (asked.activity === "newInstance") {
    const tried = await storefront.rehearse(asked);
    if (tried.outcome !== "done") return answerOf(tried);
    return { ...DONE, instanceId: tried.instanceId, provided: tried.provided };
  }
  if (asked.activity !== "queryInstance") return DONE;
  const { template: provided } = storefront;
  const usage = [{ quantity: "0", at: storefront.now() }];
  return { ...DONE, instances: asked.instanceIds.map((instanceId) => ({ instanceId, provided, usage })) };
}

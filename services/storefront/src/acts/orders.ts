import { formatInstant } from "@quarterpast/domain";
import { refuse, UNKNOWN_INSTANCE, type Answer, type Command } from "../commands.js";
import type { StorefrontDeps } from "../deps.js";
import { tellSeller } from "../hooks/queue.js";
import { findLine } from "../open/order.js";

type Of<A extends Command["activity"]> = Extract<Command, { activity: A }>;

/** A question of the marketplace has 5 s; the seller's service gets most of it. */
const ASK_MS = 3_000;

/** Whether an instance may change to another product: the seller's service decides; without one it may. */
export async function checkChange(deps: StorefrontDeps, command: Of<"changeInstanceCheck">): Promise<Answer> {
  const { instanceId, productInfo } = command;
  const [found] = await deps.reads.subscriptions([instanceId]);
  if (!found || found.state === "closed") return UNKNOWN_INSTANCE(instanceId);
  if (!deps.hooks) return { code: "000000" };
  const deliveryId = deps.id();
  const at = formatInstant(deps.clock.now());
  const payload = JSON.stringify({ id: deliveryId, kind: "instance.check", at, instanceId, productInfo });
  const result = await deps.hooks.send({ deliveryId, payload }, ASK_MS);
  if (result.kind === "later") return { code: "000005", detail: `the seller's service: ${result.error}` };
  const { allowed, message } = (result.reply ?? {}) as { allowed?: unknown; message?: unknown };
  if (allowed !== false) return { code: "000000" };
  return refuse("000005", typeof message === "string" ? message : "this change is not possible");
}

/** An order was made: the seller's service hears of it, and it is looked up and kept (koogallery.md 3.9). */
export async function notify(deps: StorefrontDeps, { orderId, line }: Of<"orderNotify">): Promise<Answer> {
  const data = { orderId, orderLineId: line };
  const hook = {
    kind: "order.notified",
    ref: orderId,
    data,
    deliveryId: `order-${orderId}-${line}`,
  } as const;
  await tellSeller(deps.pool, deps, hook, deps.clock.now());
  if (deps.orderQuery) {
    void findLine(deps, orderId, line, 0).catch((error: unknown) =>
      deps.logger.warn({ err: error, order: orderId }, "an order could not be looked up"),
    );
  }
  return { code: "000000" };
}

import type { Opened, Purchase, Storefront } from "@quarterpast/marketplace";
import { faultPoint, within, type Clock, type Logger } from "@quarterpast/runtime";
import { reserveDebugInstance, reserveSubscription, type Pool, type Subscription } from "@quarterpast/store";
import type { Opener } from "../open/opener.js";

interface OpenDeps {
  pool: Pool;
  clock: Pick<Clock, "now">;
  logger: Pick<Logger, "error">;
  accountNo: number;
  opener: Pick<Opener, "open">;
}

/** Longer than an opening takes: until then no other process tries. */
const LEASE_SECONDS = 20;

/**
 * Opens a purchase. Its first businessId is on disk before anything else happens, so every repetition, after a kill
 * at any moment, is answered with the same instance. After `withinMs` of real time the rest continues in the
 * background.
 */
export async function open(deps: OpenDeps, purchase: Purchase, withinMs: number): Promise<Opened> {
  const { pool, clock, logger, accountNo, opener } = deps;
  await faultPoint("storefront.beforeReserve");
  const reserved = await reserveSubscription(pool, { ...purchase, accountNo }, clock.now(), LEASE_SECONDS);
  await faultPoint("storefront.afterReserve");
  if (!reserved) return { outcome: "id_taken" };
  const opening = opener.open(reserved).catch((error: unknown) => {
    logger.error({ err: error, instance: reserved.instanceId }, "an opening failed; it is tried again");
    return reserved;
  });
  return openedOf(await within(withinMs, opening, () => reserved));
}

function openedOf({ state, instanceId, provided, waitsFor }: Subscription): Opened {
  if (state !== "opening") return { outcome: "done", instanceId, provided: provided ?? {} };
  return { outcome: "processing", instanceId, detail: waitsFor === null ? "" : `waits for ${waitsFor}` };
}

/** Answers a trial purchase: stores only its first businessId, apart from all production rows. */
export async function rehearse(
  {
    pool,
    clock,
    accountNo,
    template,
  }: Pick<OpenDeps, "pool" | "clock" | "accountNo"> & Pick<Storefront, "template">,
  { orderId, item, businessId }: Parameters<Storefront["rehearse"]>[0],
): Promise<Opened> {
  const wanted = { accountNo, orderId, item, businessId };
  const instanceId = await reserveDebugInstance(pool, wanted, clock.now());
  return { outcome: "done", instanceId, provided: template };
}

import { within } from "@quarterpast/runtime";
import { faultPoint } from "@quarterpast/runtime";
import { reserveSubscription, type Subscription } from "@quarterpast/store";
import { refuse, type Answer, type NewInstance } from "../commands.js";
import type { StorefrontDeps } from "../deps.js";
import { openOnce } from "../open/open.js";

/** The marketplace waits 5 s: after this long the opening goes on by itself (koogallery.md 3). */
const OPEN_WITHIN_MS = 3_000;
/** Longer than an opening takes: until then no other process tries. */
const LEASE_SECONDS = 20;

/**
 * Answers a purchase. Its first businessId is on disk before anything else happens, so every repetition, from any
 * moment of a kill on, is answered with the same instance.
 */
export async function newInstance(deps: StorefrontDeps, command: NewInstance): Promise<Answer> {
  const { activity: _, ...wanted } = command;
  const { accountNo } = deps.account;
  await faultPoint("storefront.beforeReserve");
  const reserved = await reserveSubscription(
    deps.pool,
    { ...wanted, accountNo },
    deps.clock.now(),
    LEASE_SECONDS,
  );
  await faultPoint("storefront.afterReserve");
  if (!reserved) return refuse("000002", "invalid parameter: businessId is the instance ID of another order");
  const opening = openOnce(deps, reserved).catch((error: unknown) => {
    deps.logger.error({ err: error, instance: reserved.instanceId }, "an opening failed; it is tried again");
    return reserved;
  });
  return answerFor(await within(OPEN_WITHIN_MS, opening, () => reserved));
}

function answerFor({ state, instanceId, provided, waitsFor }: Subscription): Answer {
  if (state === "opening") {
    return { code: "000004", instanceId, detail: waitsFor === null ? "" : `waits for ${waitsFor}` };
  }
  return { code: "000000", instanceId, app: provided ?? {} };
}

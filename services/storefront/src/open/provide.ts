import { setProvided, type Product, type Provided, type Subscription } from "@quarterpast/store";
import type { StorefrontDeps } from "../deps.js";
import { deliver, describe, tellSeller } from "../hooks/queue.js";
import { providedSchema } from "../hooks/send.js";
import type { Hindrance } from "./open.js";

/** Longer than a delivery may take: until then the queue leaves the hook to the opening. */
const OURS_SECONDS = 15;

/** Has the seller's service provide the instance, or the template answer for it. */
export async function provide(
  deps: StorefrontDeps,
  subscription: Subscription,
  product: Product,
): Promise<Hindrance | Subscription> {
  const template = { ...deps.template, ...addressesOf(product) };
  const { subscriptionNo, instanceId, tries } = subscription;
  const hook = await tellSeller(
    deps.pool,
    deps,
    {
      kind: "instance.open",
      ref: instanceId,
      deliveryId: `open-${subscriptionNo}`,
      data: describe(subscription),
      afterSeconds: OURS_SECONDS,
    },
    deps.clock.now(),
  );
  if (!hook) return setProvided(deps.pool, subscriptionNo, template);
  const sent = await deliver(deps, hook);
  if (sent.deliveredAt === null) {
    const detail = `the seller's service has not provided it: ${sent.lastError}`;
    return { waitsFor: "seller", detail, seconds: Math.min(60, 2 ** Math.min(tries, 6)), isCase: false };
  }
  return setProvided(deps.pool, subscriptionNo, { ...template, ...readProvided(sent.reply) });
}

/** Addresses of a product where it has its own. */
export function addressesOf({ frontEndUrl, adminUrl, dashboardUrl }: Product): Provided {
  return {
    ...(frontEndUrl !== null && { frontEndUrl }),
    ...(adminUrl !== null && { adminUrl }),
    ...(dashboardUrl !== null && { dashboardUrl }),
  };
}

function readProvided(reply: unknown): Provided {
  const fields = Object.entries(providedSchema.parse(reply)).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields);
}

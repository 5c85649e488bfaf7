import { setProvided, type Pool, type Product, type Provided, type Subscription } from "@quarterpast/store";
import { describe, type Seller } from "../hooks/seller.js";
import { providedSchema } from "../hooks/send.js";
import { secondsAfter, type Hindrance } from "./hindrance.js";

/** What providing an instance uses. */
export interface ProvideDeps {
  pool: Pool;
  seller: Pick<Seller, "tell" | "deliver">;
  /** What the marketplace shows of an instance if neither product nor seller say otherwise. */
  template: Provided;
}

/** Longer than a delivery may take: until then the queue leaves the hook to the opening. */
const OURS_SECONDS = 15;

/** Asks the seller's service to provide the instance, or answers from the template. */
export async function provide(
  deps: ProvideDeps,
  subscription: Subscription,
  product: Product,
): Promise<Hindrance | Subscription> {
  const template = { ...deps.template, ...addressesOf(product) };
  const { subscriptionNo, instanceId, tries } = subscription;
  const hook = await deps.seller.tell(deps.pool, {
    kind: "instance.open",
    ref: instanceId,
    deliveryId: `open-${subscriptionNo}`,
    data: describe(subscription),
    afterSeconds: OURS_SECONDS,
  });
  if (!hook) return setProvided(deps.pool, subscriptionNo, template);
  const sent = await deps.seller.deliver(hook);
  if (sent.deliveredAt === null) {
    const detail = sent.lastError ?? "";
    return { waitsFor: "seller", detail, seconds: secondsAfter(tries), isCase: false };
  }
  return setProvided(deps.pool, subscriptionNo, { ...template, ...readProvided(sent.reply) });
}

/** The product's own addresses, if it has any. */
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

import { floorSecond, type SellingMode } from "@quarterpast/domain";
import { faultPoint, type Logger } from "@quarterpast/runtime";
import {
  claimOpenings,
  findProduct,
  findSubscription,
  postponeOpening,
  raiseCase,
  resolveCases,
  setMode,
  type Product,
  type Subscription,
} from "@quarterpast/store";
import type { Hindrance } from "./hindrance.js";
import { bringToLife, type LifeDeps } from "./life.js";
import { learnOrder, type OrderDeps } from "./order.js";
import { provide, type ProvideDeps } from "./provide.js";

/** What the opener uses. */
export type OpenerDeps = OrderDeps & ProvideDeps & LifeDeps & { logger: Pick<Logger, "error"> };

export interface Opener {
  /**
   * Takes a subscription as far as possible. Concurrent calls for the same one wait for the first in this process.
   * @returns the subscription afterwards; for a second line of the same product, the one that holds the instance.
   */
  open(subscription: Subscription): Promise<Subscription>;
  /** Retries what is due. @returns whether there may be more. */
  openDue(): Promise<boolean>;
}

const AT_ONCE = 20;
const LEASE_SECONDS = 30;

/** Creates the opener of an account's subscriptions. */
export function createOpener(deps: OpenerDeps): Opener {
  const opening = new Map<number, Promise<Subscription>>();

  function openOnce(subscription: Subscription): Promise<Subscription> {
    const { subscriptionNo } = subscription;
    const known = opening.get(subscriptionNo);
    if (known) return known;
    const begun = open(deps, subscription).finally(() => opening.delete(subscriptionNo));
    opening.set(subscriptionNo, begun);
    return begun;
  }

  return {
    open: openOnce,
    async openDue() {
      const due = await claimOpenings(deps.pool, deps.accountNo, AT_ONCE, LEASE_SECONDS);
      const failed = ({ instanceId: instance }: Subscription, error: unknown) =>
        deps.logger.error({ err: error, instance }, "an opening failed; it is tried again");
      await Promise.all(due.map((one) => openOnce(one).catch((error: unknown) => failed(one, error))));
      return due.length === AT_ONCE;
    },
  };
}

/**
 * Looks up the order, finds the product, has the seller provide the instance, begins its life. Each step is stored
 * before the next begins, and each may be repeated: a kill anywhere leaves one instance.
 */
async function open(deps: OpenerDeps, start: Subscription): Promise<Subscription> {
  const { pool, accountNo, clock } = deps;
  let subscription = start;
  if (subscription.state !== "opening") return followSame(deps, subscription);
  const hinder = (why: Hindrance) => postpone(deps, subscription, why);
  if (subscription.productId === null) {
    const learned = await learnOrder(deps, subscription);
    if ("isCase" in learned) return hinder(learned);
    subscription = learned;
  }
  await faultPoint("storefront.afterOrder");
  const product = await findProduct(pool, accountNo, subscription.productId!);
  if (!product) return hinder(unknownProduct(subscription));
  if (!agrees(product, subscription.terms["mode"])) return hinder(otherMode(product, subscription));
  if (subscription.mode === null) {
    const chosen = await setMode(pool, subscription, product.mode);
    if (chosen.subscriptionNo !== subscription.subscriptionNo) return open(deps, chosen);
    subscription = chosen;
  }
  await faultPoint("storefront.beforeProvide");
  if (subscription.provided === null) {
    const provided = await provide(deps, subscription, product);
    if ("isCase" in provided) return hinder(provided);
    subscription = provided;
  }
  await faultPoint("storefront.afterProvide");
  const opened = await bringToLife(deps, subscription, product, floorSecond(clock.now()));
  if ("isCase" in opened) return hinder(opened);
  await faultPoint("storefront.afterOpened");
  return opened;
}

/** Stores why it waits, and raises or ends its case. */
async function postpone(
  { pool, accountNo, clock }: OpenerDeps,
  { subscriptionNo, instanceId: ref }: Subscription,
  { waitsFor, detail, seconds, isCase }: Hindrance,
): Promise<Subscription> {
  await postponeOpening(pool, subscriptionNo, waitsFor, seconds);
  await resolveCases(pool, accountNo, ref, clock.now(), isCase ? waitsFor : "");
  if (isCase) await raiseCase(pool, accountNo, { kind: waitsFor, ref, detail }, clock.now());
  return (await findSubscription(pool, subscriptionNo))!;
}

/** A second line for one pay-per-use product shares the instance of the first. */
async function followSame({ pool }: OpenerDeps, subscription: Subscription): Promise<Subscription> {
  if (subscription.sameAs === null) return subscription;
  return (await findSubscription(pool, subscription.sameAs)) ?? subscription;
}

function unknownProduct({ productId }: Subscription): Hindrance {
  return { waitsFor: "product", detail: productId ?? "", seconds: 60, isCase: true };
}

function otherMode({ productId, mode }: Product, { terms }: Subscription): Hindrance {
  const detail = `${productId} ${mode} ${String(terms["mode"])}`;
  return { waitsFor: "mode", detail, seconds: 300, isCase: true };
}

/** Both kinds of packages are sold in the same mode. */
function agrees({ mode }: Product, sold: unknown): boolean {
  const asSold: SellingMode = mode === "stop_package" ? "package" : mode;
  return sold === undefined || sold === asSold;
}

import { floorSecond, type SellingMode, type WaitsFor } from "@quarterpast/domain";
import { faultPoint } from "@quarterpast/runtime";
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
import type { StorefrontDeps } from "../deps.js";
import { bringToLife } from "./life.js";
import { learnOrder } from "./order.js";
import { provide } from "./provide.js";

/** Why an opening cannot go on now. */
export interface Hindrance {
  waitsFor: WaitsFor;
  /** For a person: what is to be done. */
  detail: string;
  /** Real seconds until it is tried again. */
  seconds: number;
  /** Whether a person has to settle it. */
  isCase: boolean;
}

const AT_ONCE = 20;
const LEASE_SECONDS = 30;

/**
 * Brings a subscription as far as it can be brought: learns the order, finds the product, has the seller provide, begins
 * its life. Each step is kept before the next begins, and each may be done again: a kill anywhere leaves one instance.
 * @returns the subscription as it then is; of a second line for the same product, the one that holds the instance.
 */
export async function open(deps: StorefrontDeps, start: Subscription): Promise<Subscription> {
  const { pool, account, clock } = deps;
  let subscription = start;
  if (subscription.state !== "opening") return followSame(deps, subscription);
  const hinder = async ({ waitsFor, detail, seconds, isCase }: Hindrance) => {
    await postponeOpening(pool, subscription.subscriptionNo, waitsFor, seconds);
    const ref = subscription.instanceId;
    await resolveCases(pool, account.accountNo, ref, clock.now(), isCase ? waitsFor : "");
    if (isCase) await raiseCase(pool, account.accountNo, { kind: waitsFor, ref, detail }, clock.now());
    return again(deps, subscription);
  };
  if (subscription.productId === null) {
    const learned = await learnOrder(deps, subscription);
    if ("isCase" in learned) return hinder(learned);
    subscription = learned;
  }
  await faultPoint("storefront.afterOrder");
  const product = await findProduct(pool, account.accountNo, subscription.productId!);
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

const underWay = new WeakMap<StorefrontDeps, Map<number, Promise<Subscription>>>();

/** Opens as {@link open} does; calls that come while this process opens the same subscription wait for that. */
export function openOnce(deps: StorefrontDeps, subscription: Subscription): Promise<Subscription> {
  const opening = underWay.get(deps) ?? new Map<number, Promise<Subscription>>();
  underWay.set(deps, opening);
  const { subscriptionNo } = subscription;
  const known = opening.get(subscriptionNo);
  if (known) return known;
  const begun = open(deps, subscription).finally(() => opening.delete(subscriptionNo));
  opening.set(subscriptionNo, begun);
  return begun;
}

/** Tries what is due to be tried. @returns whether there may be more. */
export async function openDue(deps: StorefrontDeps): Promise<boolean> {
  const due = await claimOpenings(deps.pool, deps.account.accountNo, AT_ONCE, LEASE_SECONDS);
  await Promise.all(
    due.map((subscription) =>
      openOnce(deps, subscription).catch((error: unknown) =>
        deps.logger.error(
          { err: error, instance: subscription.instanceId },
          "an opening failed; it is tried again",
        ),
      ),
    ),
  );
  return due.length === AT_ONCE;
}

const again = async ({ pool }: StorefrontDeps, { subscriptionNo }: Subscription) =>
  (await findSubscription(pool, subscriptionNo))!;

/** A second line for one pay-per-use product is the instance of the first. */
export async function followSame(deps: StorefrontDeps, subscription: Subscription): Promise<Subscription> {
  if (subscription.sameAs === null) return subscription;
  return (await findSubscription(deps.pool, subscription.sameAs)) ?? subscription;
}

function unknownProduct({ productId }: Subscription): Hindrance {
  const detail = `product ${productId} is not known: add it (quarterpast products add ${productId} …)`;
  return { waitsFor: "product", detail, seconds: 60, isCase: true };
}

function otherMode({ productId, mode }: Product, { terms }: Subscription): Hindrance {
  const detail = `product ${productId} is kept as ${mode}, but was sold as ${String(terms["mode"])}`;
  return { waitsFor: "mode", detail, seconds: 300, isCase: true };
}

/** Both kinds of packages are sold as one mode. */
function agrees({ mode }: Product, sold: unknown): boolean {
  const asSold: SellingMode = mode === "stop_package" ? "package" : mode;
  return sold === undefined || sold === asSold;
}

import type { Micros } from "@quarterpast/domain";
import { faultPoint, type Clock } from "@quarterpast/runtime";
import {
  addInstance,
  addLifeEvent,
  addPackages,
  closeInstance,
  findPackageSubject,
  inTransaction,
  lockSubscription,
  resolveCases,
  setLifeBegin,
  setOpened,
  type Pool,
  type Product,
  type Subscription,
} from "@quarterpast/store";
import type { Hindrance } from "./hindrance.js";

/** What beginning a life uses. */
export interface LifeDeps {
  pool: Pool;
  clock: Pick<Clock, "now">;
  accountNo: number;
}

/** Begins the life of a subscription: from now on its usage is bound and billed. */
export async function bringToLife(
  deps: LifeDeps,
  subscription: Subscription,
  product: Product,
  now: Micros,
): Promise<Hindrance | Subscription> {
  const wanted = await subjectOf(deps, subscription, product);
  if (wanted === undefined) {
    const { orderId, item } = subscription;
    return { waitsFor: "customer", detail: `${orderId} ${item}`, seconds: 300, isCase: true };
  }
  // Fixed before the instance is created, so that a retry creates the same one.
  const fixed = await setLifeBegin(deps.pool, subscription.subscriptionNo, wanted, now);
  await faultPoint("storefront.beforeInstance");
  const subject = product.mode === "pay_per_use" ? await makeInstance(deps, fixed, product) : fixed.subject!;
  await faultPoint("storefront.beforeOpened");
  return inTransaction(deps.pool, async (db) => {
    const locked = await lockSubscription(db, subscription.subscriptionNo);
    const { state, subscriptionNo, accountNo, instanceId, expires, opened } = locked;
    // Released while it was being opened: the life just created ends too.
    if (state === "closed") await closeInstance(db, accountNo, instanceId, opened! + 1_000_000);
    if (state !== "opening") return locked;
    if (product.contents.length > 0) {
      await addPackages(db, { subscriptionNo, accountNo, subject, product, starts: opened!, expires });
    }
    await addLifeEvent(db, { subscriptionNo, kind: "opened", orderRef: fixed.orderId }, deps.clock.now());
    // A subscription that never waited has no case.
    if (locked.waitsFor !== null) await resolveCases(db, accountNo, instanceId, deps.clock.now());
    return setOpened(db, subscriptionNo, subject);
  });
}

async function subjectOf(
  { pool, accountNo }: LifeDeps,
  { provided, customerId, instanceId }: Subscription,
  product: Product,
): Promise<string | undefined> {
  const own = provided?.subject ?? customerId ?? undefined;
  if (product.mode === "pay_per_use") return own;
  const meters = product.contents.map(({ meter }) => meter);
  if (meters.length === 0) return own ?? instanceId;
  const shared = customerId && (await findPackageSubject(pool, accountNo, customerId, meters));
  return provided?.subject ?? shared ?? own;
}

/** @returns its subject: the customer's, or its own id if another instance of the customer is live already. */
async function makeInstance(
  { pool, clock }: LifeDeps,
  { accountNo, instanceId, productId, subject, opened }: Subscription,
  { meter, cycle }: Product,
): Promise<string> {
  const instance = { accountNo, instanceId, product: productId!, meter: meter!, cycle, opened: opened! };
  for (const name of [subject!, instanceId]) {
    const added = await addInstance(pool, { ...instance, subject: name }, clock.now());
    if (added.outcome === "unknown_meter") throw new Error(`meter ${meter} of product ${productId} is gone`);
    if (added.outcome !== "overlaps") return added.instance.subject;
  }
  throw new Error(`the life of ${instanceId} overlaps with one of its own subject`);
}

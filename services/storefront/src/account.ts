import type { Storefront, StorefrontSide, StorefrontWire } from "@quarterpast/marketplace";
import { createLoop, idleRest, type Clock, type Logger, type Loop } from "@quarterpast/runtime";
import type { Pool, Provided } from "@quarterpast/store";
import { change } from "./acts/change.js";
import { close } from "./acts/close.js";
import { ask, tell } from "./acts/extension.js";
import { open, rehearse } from "./acts/open.js";
import { query } from "./acts/query.js";
import { renew } from "./acts/renew.js";
import { resume, suspend } from "./acts/suspend.js";
import { createCallKeeper, type CallKeeper } from "./calls/keep.js";
import { createReads, type Reads } from "./calls/reads.js";
import { rerunDue } from "./calls/rerun.js";
import type { Seller } from "./hooks/seller.js";
import { createOpener, type Opener } from "./open/opener.js";
import { findItem } from "./open/order.js";
import { watchPackages } from "./packages/watch.js";

/** The parts of one account's storefront. */
export interface AccountParts {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  accountNo: number;
  /** The account's marketplace. */
  side: StorefrontSide;
  seller: Seller;
  /** What customers see if neither product nor seller say otherwise. */
  template: Provided;
  lowBalancePercent: number;
}

/** The storefront of one account, at its production address. */
export interface AccountStorefront {
  wire: StorefrontWire;
  keeper: CallKeeper;
  opener: Opener;
  /** Starts the background work: openings, hooks, reruns, balances. */
  start(): void;
  stop(): Promise<void>;
  /** How long the slowest loop has made no progress. */
  msSinceSuccess(): number;
}

const LOOK_EVERY_MS = 500;
/** The longest rest between looks: what people ask for, or another process left behind, waits no longer. */
const IDLE_MS = 2_000;

/** Makes the storefront of one account. The caller owns everything in `parts`. */
export function createAccountStorefront(parts: AccountParts): AccountStorefront {
  const { pool, logger, clock, accountNo, side } = parts;
  const looking = (name: string, run: () => Promise<boolean>) =>
    createLoop({ name, everyMs: LOOK_EVERY_MS, idleMs: idleRest(clock, IDLE_MS), run, logger });
  const hooks = looking("hooks", () => parts.seller.deliverDue());
  const seller: Seller = {
    ...parts.seller,
    async tell(db, news) {
      const hook = await parts.seller.tell(db, news);
      // The transaction is still to be committed; a loop that was woken looks again soon.
      if (hook) hooks.wake();
      return hook;
    },
  };
  const reads = createReads({ pool, accountNo, clock });
  const opener = createOpener({ ...parts, seller, orders: side.orders });
  const keeper = createCallKeeper({ pool, accountNo, logger, clock });
  const openings = looking("open", () => opener.openDue());
  const acts = actsOf({ ...parts, seller }, reads, opener);
  const wire = side.wire({
    ...acts,
    async open(purchase, withinMs) {
      const opened = await acts.open(purchase, withinMs);
      if (opened.outcome === "processing") openings.wake();
      return opened;
    },
  });
  const packages = () => watchPackages({ ...parts, seller });
  const loops: Loop[] = [
    openings,
    hooks,
    looking("reruns", () => rerunDue({ pool, clock, accountNo, wire, keeper })),
    createLoop({ name: "packages", everyMs: 5_000, run: packages, logger }),
  ];
  return {
    ...{ wire, keeper, opener },
    start: () => loops.forEach((one) => one.start()),
    stop: async () => {
      await Promise.all(loops.map((one) => one.stop()));
      await keeper.stop();
    },
    msSinceSuccess: () => Math.max(...loops.map((one) => one.msSinceSuccess())),
  };
}

/** Our own acts for an account, called by its marketplace's wire. */
function actsOf(parts: AccountParts, reads: Reads, opener: Opener): Storefront {
  const { pool, clock, logger, accountNo, side, template } = parts;
  const deps = { ...parts, reads, opener, orders: side.orders };
  return {
    open: (purchase, withinMs) => open(deps, purchase, withinMs),
    renew: (of) => renew(deps, of),
    suspend: (of) => suspend(deps, of),
    resume: (of) => resume(deps, of),
    change: (of) => change(deps, of),
    close: (of) => close(deps, of),
    query: (ids) => query(deps, ids),
    ask: (question, withinMs) => ask(deps, question, withinMs),
    tell: (news) => tell(deps, news),
    rehearse: (purchase) => rehearse(deps, purchase),
    learn: (orderId, item) => {
      if (!side.orders) return;
      void findItem({ pool, clock, accountNo, orders: side.orders }, orderId, item, 0).catch(
        (error: unknown) => logger.warn({ err: error, order: orderId }, "an order could not be looked up"),
      );
    },
    template,
    now: () => clock.now(),
    productsOf: async (ids) => (await reads.subscriptions(ids)).flatMap(({ productId }) => productId ?? []),
  };
}

import { SHARDS } from "@quarterpast/domain";
import { createLoop, type Loop } from "@quarterpast/runtime";
import { addSealedHour, ensureTotalMarks, forgetNonces } from "@quarterpast/store";
import type { FastifyInstance } from "fastify";
import { createCallKeeper } from "./calls/keep.js";
import { rerunDue } from "./calls/rerun.js";
import type { StorefrontDeps } from "./deps.js";
import { deliverDue } from "./hooks/queue.js";
import { openDue } from "./open/open.js";
import { watchPackages } from "./packages.js";
import { addKooGallery } from "./routes.js";

export interface Storefront {
  /** Adds the marketplace's address to a server. */
  addRoutes(http: FastifyInstance): void;
  /** Starts what goes on by itself: openings, hooks, totals, balances, repetitions by hand. */
  start(): void;
  stop(): Promise<void>;
  /** How long the slowest of it has made no progress. */
  msSinceSuccess(): number;
}

/** Makes the storefront of one account. The caller owns everything in `deps`. */
export function createStorefront(deps: StorefrontDeps): Storefront {
  const { pool, logger, clock } = deps;
  const keeper = createCallKeeper(deps);
  const loop = (name: string, everyMs: number, run: () => Promise<boolean | void>) =>
    createLoop({ name, everyMs, run, logger });
  const loops: Loop[] = [
    loop("open", 500, () => openDue(deps)),
    loop("hooks", 500, () => deliverDue(deps)),
    loop("reruns", 500, () => rerunDue(deps, keeper)),
    loop("totals", 2_000, () => addSealedHours(deps)),
    loop("packages", 5_000, () => watchPackages(deps)),
    loop("nonces", 30_000, () => forgetNonces(pool, clock.real())),
  ];
  return {
    addRoutes: (http) => addKooGallery(http, deps, keeper),
    start: () => loops.forEach((one) => one.start()),
    stop: async () => {
      await Promise.all(loops.map((one) => one.stop()));
      await keeper.stop();
    },
    msSinceSuccess: () => Math.max(...loops.map((one) => one.msSinceSuccess())),
  };
}

/** Brings the totals of all shards up to what is sealed. */
export async function addSealedHours({ pool }: Pick<StorefrontDeps, "pool">): Promise<void> {
  await ensureTotalMarks(pool);
  for (let shard = 0; shard < SHARDS; shard += 1) {
    while (await addSealedHour(pool, shard));
  }
}

import { createLogger, fixedClock, type FixedClock } from "@quarterpast/runtime";
import type fc from "fast-check";
import { freezeRecords } from "../../services/reporter/src/freeze.js";
import { sealDueHours } from "../../services/reporter/src/seal.js";
import { openMarketplace, type OpenMarketplace } from "@quarterpast/testkit/marketplace";
import { H, openLedger, type Ledger } from "@quarterpast/testkit";

/** MODEL_SEED replays a failure, MODEL_RUNS makes a long run: fast-check prints the seed of each failure. */
const { MODEL_SEED: seed, MODEL_RUNS: runs } = process.env;
export const model = (usual: number): fc.Parameters<unknown> => ({
  numRuns: runs ? Number(runs) : usual,
  endOnFailure: false,
  ...(seed && { seed: Number(seed) }),
});

/** A ledger with its own clock and the reporter's two steps that make records. */
export interface Bench {
  ledger: Ledger;
  clock: FixedClock;
  market: OpenMarketplace;
  sealUntil(hour: number): Promise<void>;
  freezeAll(): Promise<void>;
}

const logger = createLogger({ service: "model", level: "silent" });

/** Runs `play` on a fresh ledger. */
export async function onBench(play: (bench: Bench) => Promise<void>): Promise<void> {
  const ledger = await openLedger();
  const clock = fixedClock(H, Date.now() * 1_000);
  const market = openMarketplace({
    baseUrl: "http://127.0.0.1:9",
    key: "key",
  });
  const deps = {
    pool: ledger.pool,
    account: ledger.account,
    clock,
    logger,
    profile: market,
    client: market,
    recordsPerCall: 3,
    instancesPerChunk: 3,
  };
  try {
    await play({
      ledger,
      clock,
      market,
      async sealUntil(now) {
        clock.set(now);
        while (await sealDueHours(deps));
      },
      async freezeAll() {
        while (await freezeRecords(deps));
      },
    });
  } finally {
    await market.close();
    await ledger.end();
  }
}

/** A decimal text as a whole number of 10^-12, independent of the code under test. */
export function exact(text: string): bigint {
  const [whole = "0", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.slice(0, 12).padEnd(12, "0"));
}

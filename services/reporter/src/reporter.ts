import type { MarketplaceClient, MarketplaceProfile } from "@quarterpast/marketplace";
import { type Clock, createLoop, type Logger, type Loop, type Metrics } from "@quarterpast/runtime";
import { readAccount, readBacklog, type Account, type Pool } from "@quarterpast/store";
import { createBreaker } from "./breaker.js";
import { watchCases } from "./cases.js";
import { freezeRecords } from "./freeze.js";
import { probeMarketplace } from "./probe.js";
import { reconcileAccepted } from "./reconcile.js";
import { carryOutRereport } from "./rereport.js";
import { sealDueHours } from "./seal.js";
import { submitNext } from "./submit.js";
import { createTurns } from "./turns.js";

export interface ReporterDeps {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  profile: MarketplaceProfile;
  client: MarketplaceClient;
  account: Account;
  recordsPerCall: number;
  random: () => number;
}

export interface Reporter {
  /** Milliseconds since every one of its loops last ended a pass well. */
  msSinceSuccess(): number;
  /** Milliseconds since every one of its loops last ended a pass, well or not: a pass that hangs shows here. */
  msSincePass(): number;
  stop(): Promise<void>;
}

const TICK_MS = 100;
const STATEMENT_EVERY_MS = 2_000;
const CASES_EVERY_MS = 5_000;
/** So often the marketplace is asked for `doctor`; while sending is halted, as often as the profile says. */
const PROBE_EVERY_MS = 60_000;

/** Seals hours, freezes their records, files them and settles what became of them. Several may run side by side. */
export function createReporter(deps: ReporterDeps): Reporter {
  const { pool, clock, logger, metrics, profile, client } = deps;
  const settled = metrics.counter("reporter_submissions_total", "Calls by what became of them", ["state"]);
  metrics.gauge("reporter_owed_records", "Records that are still to be delivered", [], async (gauge) => {
    gauge.set((await readBacklog(pool)).records);
  });
  const freezing = {
    pool,
    clock,
    profile,
    recordsPerCall: Math.min(deps.recordsPerCall, profile.limits.recordsPerCall),
  };
  const submitting = {
    pool,
    clock,
    logger,
    profile,
    client,
    random: deps.random,
    breaker: createBreaker(() => clock.real() / 1_000),
    takeTurn: createTurns(profile.calls.perSecond, () => clock.real() / 1_000),
    onSettled: (
      claim: { submissionId: number; seqFrom: number; seqTo: number },
      { state, code }: { state: string; code: string | null },
    ) => {
      settled.inc({ state });
      logger.info(
        { submission: claim.submissionId, records: claim.seqTo - claim.seqFrom + 1, state, code },
        "call settled",
      );
    },
  };
  let probedAt = -Infinity;
  const probe = async () => {
    const isHalted = (await readAccount(pool, deps.account.accountNo))?.haltedCode != null;
    if (!isHalted && performance.now() - probedAt < PROBE_EVERY_MS) return;
    probedAt = performance.now();
    await probeMarketplace(deps);
  };
  const passes = new Map<string, number>();
  const loop = (name: string, everyMs: number, run: () => Promise<boolean | void>): Loop => {
    const passed = () => passes.set(name, performance.now());
    passed();
    return createLoop({ name, everyMs, run: () => run().finally(passed), logger });
  };
  const loops = [
    loop("seal", TICK_MS, () => sealDueHours({ pool, clock, logger })),
    loop("freeze", TICK_MS, () => freezeRecords(freezing)),
    loop("rereport", 1_000, () => carryOutRereport(freezing)),
    ...Array.from({ length: profile.calls.inFlight }, (_, lane) =>
      loop(`submit-${lane}`, TICK_MS, () => submitNext(submitting)),
    ),
    loop("reconcile", STATEMENT_EVERY_MS, () => reconcileAccepted(deps)),
    loop("cases", CASES_EVERY_MS, () => watchCases(deps)),
    loop("probe", profile.retry.halt.baseMs, probe),
  ];
  for (const each of loops) each.start();
  return {
    msSincePass: () => performance.now() - Math.min(...passes.values()),
    msSinceSuccess: () => Math.max(...loops.map((each) => each.msSinceSuccess())),
    stop: async () => {
      await Promise.all(loops.map((each) => each.stop()));
      await client.close();
    },
  };
}

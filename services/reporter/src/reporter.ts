import type { MarketplaceClient, MarketplaceProfile } from "@quarterpast/marketplace";
import { type Clock, createLoop, type Logger, type Loop, type Metrics } from "@quarterpast/runtime";
import { readAccount, readBacklog, type Account, type Pool } from "@quarterpast/store";
import { createBreaker } from "./breaker.js";
import { watchCases } from "./cases.js";
import { freezeRecords } from "./freeze.js";
import { probeMarketplace, type ProbeDeps } from "./probe.js";
import { reconcileAccepted } from "./reconcile.js";
import { carryOutRereport } from "./rereport.js";
import { sealDueHours } from "./seal.js";
import { submitNext, type SubmitDeps } from "./submit.js";
import { createTurns } from "./turns.js";

/** An account with the profile for its records, and the client that files them. */
export interface ReporterAccount {
  account: Account;
  profile: MarketplaceProfile;
  client: MarketplaceClient;
}

export interface ReporterDeps {
  pool: Pool;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  accounts: readonly ReporterAccount[];
  recordsPerCall: number;
  instancesPerChunk: number;
  random: () => number;
}

export interface Reporter {
  /** Milliseconds since every one of its loops last ended a pass successfully. */
  msSinceSuccess(): number;
  /** Milliseconds since every one of its loops last ended a pass, successfully or not: shows a pass that hangs. */
  msSincePass(): number;
  stop(): Promise<void>;
}

const TICK_MS = 100;
const STATEMENT_EVERY_MS = 2_000;
const CASES_EVERY_MS = 5_000;
/** How often the marketplace is probed for `doctor`; while submission is halted, as often as the profile says. */
const PROBE_EVERY_MS = 60_000;

type AddLoop = (name: string, everyMs: number, run: () => Promise<boolean | void>) => Loop;

/**
 * Seals the seller's hours; for each of its accounts freezes records, files them and settles their outcomes. Each
 * account has its own loops, breaker and rate limit, so that a problem with one does not delay another. Several
 * reporters may run concurrently.
 */
export function createReporter(deps: ReporterDeps): Reporter {
  const { pool, clock, logger, metrics, accounts } = deps;
  const settled = metrics.counter("reporter_submissions_total", "Calls by outcome", ["account", "state"]);
  metrics.gauge(
    "reporter_owed_records",
    "Records that are still to be delivered",
    ["account"],
    async (gauge) => {
      for (const { account } of accounts)
        gauge.set({ account: account.code }, (await readBacklog(pool, account.accountNo)).records);
    },
  );
  const passes = new Map<string, number>();
  const loop: AddLoop = (name, everyMs, run) => {
    const passed = () => passes.set(name, performance.now());
    passed();
    return createLoop({ name, everyMs, run: () => run().finally(passed), logger });
  };
  const loops = [
    loop("seal", TICK_MS, () => sealDueHours({ pool, clock, logger })),
    ...accounts.flatMap((one) =>
      accountLoops(deps, one, loop, (state) => settled.inc({ account: one.account.code, state })),
    ),
  ];
  for (const each of loops) each.start();
  return {
    msSincePass: () => performance.now() - Math.min(...passes.values()),
    msSinceSuccess: () => Math.max(...loops.map((each) => each.msSinceSuccess())),
    stop: async () => {
      await Promise.all(loops.map((each) => each.stop()));
      await Promise.all(accounts.map(({ client }) => client.close()));
    },
  };
}

function accountLoops(
  { pool, clock, logger, recordsPerCall, instancesPerChunk, random }: ReporterDeps,
  { account, profile, client }: ReporterAccount,
  loop: AddLoop,
  onState: (state: string) => void,
): Loop[] {
  const shared = { pool, clock, logger, account, profile, client };
  const freezing = {
    ...shared,
    recordsPerCall: Math.min(recordsPerCall, profile.limits.recordsPerCall),
    instancesPerChunk,
  };
  const submitting: SubmitDeps = {
    ...shared,
    random,
    breaker: createBreaker(() => clock.real() / 1_000),
    takeTurn: createTurns(profile.calls.perSecond, () => clock.real() / 1_000),
    onSettled: ({ submissionId, seqFrom, seqTo }, { state, code }) => {
      onState(state);
      logger.info(
        { account: account.code, submission: submissionId, records: seqTo - seqFrom + 1, state, code },
        "call settled",
      );
    },
  };
  const named = (name: string) => `${name} ${account.code}`;
  return [
    loop(named("freeze"), TICK_MS, () => freezeRecords(freezing)),
    loop(named("rereport"), 1_000, () => carryOutRereport(freezing)),
    ...Array.from({ length: profile.calls.inFlight }, (_, at) =>
      loop(named(`submit-${at}`), TICK_MS, () => submitNext(submitting)),
    ),
    loop(named("reconcile"), STATEMENT_EVERY_MS, () => reconcileAccepted(shared)),
    loop(named("cases"), CASES_EVERY_MS, () => watchCases(shared)),
    loop(named("probe"), profile.retry.halt.firstMs, createProbe(shared)),
  ];
}

/** Probes rarely, but often while submission is halted. */
function createProbe(deps: ProbeDeps): () => Promise<void> {
  let probedAt = -Infinity;
  return async () => {
    const isHalted = (await readAccount(deps.pool, deps.account.accountNo))?.haltedCode != null;
    if (!isHalted && performance.now() - probedAt < PROBE_EVERY_MS) return;
    probedAt = performance.now();
    await probeMarketplace(deps);
  };
}

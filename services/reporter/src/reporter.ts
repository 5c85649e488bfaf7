import type { MarketplaceClient, MarketplaceProfile } from "@quarterpast/marketplace";
import { type Clock, createLoop, idleRest, type Logger, type Loop, type Metrics } from "@quarterpast/runtime";
import { readAccount, readBacklog, type Account, type Pool } from "@quarterpast/store";
import { createBreaker } from "./breaker.js";
import { watchCases, watchSellerCases } from "./cases.js";
import { createDispatcher, type Dispatcher } from "./dispatch.js";
import { freezeRecords } from "./freeze.js";
import { probeMarketplace, type ProbeDeps } from "./probe.js";
import { createRateLimit } from "./rateLimit.js";
import { reconcileAccepted } from "./reconcile.js";
import { carryOutRereport } from "./rereport.js";
import { msUntilSealing, sealDueHours } from "./seal.js";

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
  /** Called when an account has nothing left to file for now, after it had. */
  onQuiet: () => void;
  /** The longest rest of freezing and sending, real ms; given by tests. */
  idleMs?: number;
}

export interface Reporter {
  /** Milliseconds since every one of its loops last ended a pass successfully. */
  msSinceSuccess(): number;
  /** Milliseconds since every one of its loops last ended a pass, successfully or not: shows a pass that hangs. */
  msSincePass(): number;
  stop(): Promise<void>;
}

/** Real ms between passes, and the longest rest while they find nothing: what another process made waits no longer. */
interface Pace {
  everyMs: number;
  idleMs?: number;
  /** Real ms until it has something to do by the clock, if that is sooner. */
  untilMs?: () => number;
}
const SEAL = { everyMs: 100, idleMs: 2_000 };
/** Freezing and sending. */
const TICK_MS = 100;
const IDLE_MS = 2_000;
const REREPORT = { everyMs: 1_000, idleMs: 2_000 };
const STATEMENT = { everyMs: 2_000, idleMs: 5_000 };
const CASES = { everyMs: 5_000, idleMs: 15_000 };
/** So often the marketplace is asked for `doctor`; while sending is halted, as often as the profile says. */
const PROBE_EVERY_MS = 60_000;

/** Makes the loops of a reporter, and keeps when each last ended a pass. */
interface Loops {
  make(name: string, pace: Pace, run: () => Promise<boolean | void>): Loop;
  passed(name: string): void;
}

/**
 * Seals the seller's hours, and of each of its accounts freezes records, files them and settles what became of them. Each
 * account has loops, a breaker and a rate of its own: what is wrong with one holds up no other. Several reporters may run
 * side by side. Each stage wakes the next one; by themselves the loops look seldom.
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
  const loops: Loops = {
    passed: (name) => void passes.set(name, performance.now()),
    make(name, { everyMs, idleMs = everyMs, untilMs = () => Infinity }, run) {
      loops.passed(name);
      const idle = idleRest(clock, idleMs);
      const rest = () => Math.min(idle(), untilMs());
      return createLoop({
        ...{ name, everyMs, idleMs: rest, logger },
        run: () => run().finally(() => loops.passed(name)),
      });
    },
  };
  const parts = accounts.map((one) =>
    accountParts(deps, one, loops, (state) => settled.inc({ account: one.account.code, state })),
  );
  const seal = loops.make("seal", { ...SEAL, untilMs: () => msUntilSealing(clock.now()) }, async () => {
    const hasSealed = await sealDueHours({ pool, clock, logger });
    if (hasSealed) for (const { freeze } of parts) freeze.wake();
    return hasSealed;
  });
  const sellerCases = loops.make("cases", CASES, () => watchSellerCases({ pool, clock, logger }));
  const dispatchers = parts.map(({ dispatcher }) => dispatcher);
  const all = [
    seal,
    sellerCases,
    ...parts.flatMap(({ freeze, dispatcher, others }) => [freeze, dispatcher, ...others]),
  ];
  for (const each of all) each.start();
  return {
    msSincePass: () =>
      performance.now() - Math.min(...passes.values(), ...dispatchers.map((one) => one.oldestCall())),
    msSinceSuccess: () => Math.max(...all.map((each) => each.msSinceSuccess())),
    stop: async () => {
      await Promise.all(all.map((each) => each.stop()));
      await Promise.all(accounts.map(({ client }) => client.close()));
    },
  };
}

/** What runs for one account. */
interface AccountParts {
  freeze: Loop;
  dispatcher: Dispatcher;
  others: Loop[];
}

function accountParts(
  { pool, clock, logger, recordsPerCall, instancesPerChunk, random, onQuiet, idleMs = IDLE_MS }: ReporterDeps,
  { account, profile, client }: ReporterAccount,
  loops: Loops,
  onState: (state: string) => void,
): AccountParts {
  const shared = { pool, clock, logger, account, profile, client };
  const freezing = {
    ...shared,
    recordsPerCall: Math.min(recordsPerCall, profile.limits.recordsPerCall),
    instancesPerChunk,
  };
  const named = (name: string) => `${name} ${account.code}`;
  const submitting = named("submit");
  const dispatcher = createDispatcher({
    ...shared,
    random,
    ...{ name: submitting, everyMs: TICK_MS, idleMs },
    inFlight: profile.calls.inFlight,
    breaker: createBreaker(() => clock.real() / 1_000),
    rateLimit: createRateLimit(profile.calls.perSecond, () => clock.real() / 1_000),
    onSettled: ({ submissionId, seqFrom, seqTo }, { state, code }) => {
      onState(state);
      logger.info(
        { account: account.code, submission: submissionId, records: seqTo - seqFrom + 1, state, code },
        "call settled",
      );
    },
    onPass: () => loops.passed(submitting),
    onQuiet,
  });
  /** Wakes the dispatcher if the work may have made calls due. */
  const waking = (run: () => Promise<boolean>) => async () => {
    const hasWorked = await run();
    if (hasWorked) dispatcher.wake();
    return hasWorked;
  };
  /** Waits its time in any case: it asks the marketplace. */
  const asking = (name: string, pace: Pace, run: () => Promise<boolean>) =>
    loops.make(named(name), pace, async () => void (await waking(run)()));
  return {
    freeze: loops.make(
      named("freeze"),
      { everyMs: TICK_MS, idleMs },
      waking(() => freezeRecords(freezing)),
    ),
    dispatcher,
    others: [
      loops.make(
        named("rereport"),
        REREPORT,
        waking(() => carryOutRereport(freezing)),
      ),
      asking("reconcile", STATEMENT, () => reconcileAccepted(shared)),
      asking("probe", { everyMs: profile.retry.halt.firstMs }, createProbe(shared)),
      loops.make(named("cases"), CASES, () => watchCases(shared)),
    ],
  };
}

/** Probes seldom, but often while sending is halted; gives whether it goes on by that. */
function createProbe(deps: ProbeDeps): () => Promise<boolean> {
  let probedAt = -Infinity;
  return async () => {
    const isHalted = (await readAccount(deps.pool, deps.account.accountNo))?.haltedCode != null;
    if (!isHalted && performance.now() - probedAt < PROBE_EVERY_MS) return false;
    probedAt = performance.now();
    return probeMarketplace(deps);
  };
}

import { randomUUID } from "node:crypto";
import { clientOf, followSecrets, readAccounts } from "@quarterpast/marketplace";
import {
  createHttp,
  createMetrics,
  createProductClock,
  createWatchdog,
  readSettings,
  runService,
} from "@quarterpast/runtime";
import { clockReader, ensureAccount, openStore, setHourSlots } from "@quarterpast/store";
import { startProver } from "./prover.js";
import { createReporter, type ReporterAccount } from "./reporter.js";
import { reporterSettings } from "./settings.js";

/** A loop without a finished pass for this long makes the service not ready. */
const STALLED_MS = 60_000;
/** No call to the marketplace takes this long (its own deadline is half of it), so the pass hangs. */
const HANGS_AFTER_MS = 60_000;
const HANGS_FOR_MS = 20_000;
/** With more accounts than that, they wait for each other's connections. */
const CONNECTIONS_MAX = 60;

runService({
  name: "reporter",
  start: async ({ env, logger, signal }) => {
    const settings = readSettings(reporterSettings, env);
    const declared = readAccounts(env);
    const secrets = declared.map((account) => followSecrets(account, { logger }));
    const metrics = createMetrics("reporter");
    const pool = await openStore({
      databaseUrl: settings.DATABASE_URL,
      applicationName: "quarterpast-reporter",
      // Eight shards of an account freeze concurrently, and four of its calls: sealing must never wait for one.
      max: Math.min(8 + 12 * declared.length, CONNECTIONS_MAX),
      onError: (error) => logger.warn({ err: error }, "postgres"),
      signal,
    });
    const clock = createProductClock({ readAnchor: clockReader(pool), logger });
    await clock.start();
    const io = { now: () => clock.real() / 1_000, nonce: randomUUID };
    const accounts: ReporterAccount[] = [];
    for (const [at, one] of declared.entries()) {
      const account = await ensureAccount(pool, one, clock.now());
      await setHourSlots(pool, account.accountNo, one.profile.slot === "hour");
      accounts.push({ account, profile: one.profile, client: clientOf(one, secrets[at]!.value, io) });
    }
    const prover = startProver(settings, {
      ...{ pool, clock, logger },
      accounts: accounts.map(({ account }) => account),
    });
    const reporter = createReporter({
      pool,
      clock,
      logger,
      metrics,
      accounts,
      random: Math.random,
      recordsPerCall: settings.RECORDS_PER_CALL,
      instancesPerChunk: settings.INSTANCES_PER_CHUNK,
      onQuiet: () => prover.wake(),
    });
    const watchdog = createWatchdog({
      name: "reporter",
      isWorkWaiting: async () => {
        if (reporter.msSincePass() <= HANGS_AFTER_MS) return false;
        await pool.query("SELECT 1");
        return true;
      },
      stalledAfterMs: HANGS_FOR_MS,
      logger,
    });
    const http = createHttp({
      logger,
      metrics,
      ready: {
        postgres: async () => void (await pool.query("SELECT 1")),
        progress: () =>
          reporter.msSinceSuccess() < STALLED_MS ? undefined : "a loop makes no progress; see the log",
      },
    });
    await http.listen({ host: settings.HOST, port: settings.PORT });
    return {
      stop: async () => {
        watchdog.stop();
        for (const one of secrets) one.stop();
        await Promise.all([reporter.stop(), prover.stop()]);
        await http.close();
        clock.stop();
        await pool.end();
      },
    };
  },
});

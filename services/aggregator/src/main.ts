import {
  createHttp,
  createMetrics,
  createProductClock,
  createWatchdog,
  readSettings,
  runService,
} from "@quarterpast/runtime";
import { clockReader, openStore } from "@quarterpast/store";
import { createAggregator } from "./aggregator.js";
import { prepareRetention } from "./retention.js";
import { aggregatorSettings } from "./settings.js";

/** Batches wait and none was committed for this long: the queue's client is stuck, and a new process would not be. */
const STALLED_MS = 20_000;

runService({
  name: "aggregator",
  start: async ({ env, logger, signal }) => {
    const settings = readSettings(aggregatorSettings, env);
    const metrics = createMetrics("aggregator");
    const pool = await openStore({
      databaseUrl: settings.DATABASE_URL,
      applicationName: "quarterpast-aggregator",
      max: settings.CONCURRENCY + 2,
      onError: (error) => logger.warn({ err: error }, "postgres"),
      signal,
    });
    const clock = createProductClock({ readAnchor: clockReader(pool), logger });
    await clock.start();
    await prepareRetention({ pool, clock, logger, keepDays: settings.RETENTION_DAYS });
    const aggregator = createAggregator({
      pool,
      clock,
      logger,
      metrics,
      redisUrl: settings.REDIS_URL,
      prefix: settings.QUEUE_PREFIX,
      concurrency: settings.CONCURRENCY,
      keepDays: settings.RETENTION_DAYS,
      onProgress: () => watchdog.progressed(),
    });
    const watchdog = createWatchdog({
      name: "aggregator",
      isWorkWaiting: async () => {
        if ((await aggregator.waiting()).jobs === 0) return false;
        // While Postgres is away nothing can be committed, and a restart would not bring it back.
        await pool.query("SELECT 1");
        return true;
      },
      stalledAfterMs: STALLED_MS,
      logger,
    });
    const http = createHttp({
      logger,
      metrics,
      ready: {
        postgres: async () => void (await pool.query("SELECT 1")),
        redis: async () => void (await aggregator.waiting()),
      },
    });
    await http.listen({ host: settings.HOST, port: settings.PORT });
    return {
      stop: async () => {
        watchdog.stop();
        await aggregator.stop();
        await http.close();
        clock.stop();
        await pool.end();
      },
    };
  },
});

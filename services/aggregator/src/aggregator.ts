import { createConsumer } from "@quarterpast/queue";
import {
  type Clock,
  createLoop,
  faultPoint,
  idleRest,
  type Logger,
  type Metrics,
} from "@quarterpast/runtime";
import type { Pool } from "@quarterpast/store";
import { createCorrector } from "./correct.js";
import { countBatch } from "./count.js";
import { createKnown } from "./known.js";
import { releaseQuarantine } from "./release.js";
import { removeExpired } from "./retention.js";

export interface AggregatorDeps {
  pool: Pool;
  redisUrl: string;
  prefix: string;
  concurrency: number;
  /** How long event identities are kept, days. */
  keepDays: number;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  /** Called when a batch is committed. */
  onProgress?: () => void;
}

export interface Aggregator {
  waiting(): Promise<{ jobs: number }>;
  stop(): Promise<void>;
}

const RELEASE_EVERY_MS = 1_000;
/** Longest rest while nothing can be released: a new binding takes effect within this time. */
const IDLE_MS = 5_000;
const RETENTION_EVERY_MS = 60_000;

/** Takes batches from the queue into Postgres, and counts quarantined events once their binding exists. */
export function createAggregator(deps: AggregatorDeps): Aggregator {
  const { pool, clock, logger, metrics } = deps;
  const known = createKnown(pool, () => performance.now());
  const count = { pool, known, now: () => clock.now() };
  const events = metrics.counter("aggregator_events_total", "Events by outcome", ["fate"]);
  const duration = metrics.histogram("aggregator_batch_seconds", "Time to commit one batch");

  const consumer = createConsumer({
    redisUrl: deps.redisUrl,
    prefix: deps.prefix,
    concurrency: deps.concurrency,
    onError: (error) => logger.warn({ err: error }, "queue"),
    process: async (batch) => {
      const stop = duration.startTimer();
      await faultPoint("aggregator.beforeBatch");
      const receipt = await countBatch(count, batch);
      await faultPoint("aggregator.afterCommit");
      stop();
      for (const fate of ["counted", "duplicates", "conflicts", "quarantined"] as const)
        events.inc({ fate }, receipt[fate]);
      logger.debug(receipt, "batch counted");
      deps.onProgress?.();
    },
  });
  const corrector = createCorrector(count);
  const release = createLoop({
    name: "release",
    everyMs: RELEASE_EVERY_MS,
    idleMs: idleRest(clock, IDLE_MS),
    logger,
    run: async () => {
      const released = (await releaseQuarantine(count)) + (await corrector.run());
      if (released > 0) logger.info({ released }, "quarantined events counted");
      return released > 0;
    },
  });
  const retention = createLoop({
    name: "retention",
    everyMs: RETENTION_EVERY_MS,
    logger,
    run: () => removeExpired({ pool, clock, logger, keepDays: deps.keepDays }),
  });
  release.start();
  retention.start();
  return {
    waiting: () => consumer.waiting(),
    stop: async () => {
      await Promise.all([consumer.close(), release.stop(), retention.stop()]);
    },
  };
}

import type { AddressInfo } from "node:net";
import { ACCEPT_WINDOW, HOUR, SECOND } from "@quarterpast/domain";
import { createProducer } from "@quarterpast/queue";
import { createHttp, createMetrics, createProductClock, type Checks, type Logger } from "@quarterpast/runtime";
import {
  createPool,
  liveKeys,
  readClock,
  readReceipts,
  registerCollector,
  writeWatermark,
  type Pool,
} from "@quarterpast/store";
import { createAdmission } from "./admission.js";
import { createKeyring } from "./auth.js";
import { createFlusher, redisProblem } from "./flush.js";
import { createIntake, type Intake } from "./intake.js";
import { openJournal } from "./journal/journal.js";
import type { Sync } from "./journal/segment.js";
import { createCollectorMetrics, type CollectorMetrics } from "./metrics.js";
import { createOutstanding } from "./outstanding.js";
import { addRoutes } from "./routes.js";
import { untilDone, waitForSchema } from "./startup.js";
import { createSettler, type CollectorLedger } from "./settle.js";
import type { CollectorSettings } from "./settings.js";

/** A collector that listens. */
export interface Collector {
  url: string;
  port: number;
  /** Resolves when events are taken; rejects where that cannot come to be (a newer schema, a stop). */
  ready: Promise<void>;
  /** Answers what is in work, waits a little for receipts, and leaves. */
  stop(): Promise<void>;
}

export interface CollectorDeps {
  settings: CollectorSettings;
  logger: Logger;
  /** How the journal is flushed to disk; tests delay it or make it fail. */
  sync?: Sync;
}

/** How long a stop waits for receipts; the whole stop has 10 s. */
const LEAVE_WITHIN_MS = 3_000;
/** Loads keys and reads receipts; never in the way of an acknowledgement. */
const POOL_MAX = 3;

/**
 * Starts a collector. It listens at once and answers 503 until Postgres, its clock and the keys were there once.
 * @throws Error where the journal's folder is in use or cannot be written, or the port is taken.
 */
export async function createCollector({ settings, logger, sync }: CollectorDeps): Promise<Collector> {
  const stopping = new AbortController();
  let counting: CollectorMetrics | undefined;
  const pool = createPool({
    databaseUrl: settings.DATABASE_URL,
    max: POOL_MAX,
    applicationName: "quarterpast collector",
    onError: (error) => logger.warn({ err: error }, "a connection to Postgres broke"),
  });
  const clock = createProductClock({
    logger,
    readAnchor: async () => {
      const row = await readClock(pool);
      if (!row) throw new Error("the clock is not set yet");
      return row;
    },
  });
  const journal = await openJournal({
    dir: settings.COLLECTOR_DATA_DIR,
    keepHours: settings.JOURNAL_KEEP_HOURS,
    real: () => Date.now() * 1_000,
    logger,
    onCommit: (bytes, seconds) => counting?.committed(bytes, seconds),
    ...(sync && { sync }),
  });
  const producer = createProducer({
    redisUrl: settings.REDIS_URL,
    prefix: settings.QUEUE_PREFIX,
    allowVolatile: settings.ALLOW_VOLATILE_REDIS,
    onError: (error) => logger.debug({ err: error }, "Redis"),
  });
  const monotonicMs = () => performance.now();
  const outstanding = createOutstanding({ journal, monotonicMs });
  const settler = createSettler({
    ledger: ledgerOf(pool),
    onReenqueued: () => counting?.reenqueued(),
    ...{ journal, outstanding, producer, clock, monotonicMs, logger },
  });
  const flusher = createFlusher({
    collectorNo: settler.collectorNo,
    policy: settings.REDIS_DOWN,
    ...{ journal, producer, outstanding },
  });
  const keyring = createKeyring({ readKeys: () => liveKeys(pool), logger });
  const admission = createAdmission();
  const metrics = createMetrics("collector");
  const counters = createCollectorMetrics(metrics, {
    outstanding: outstanding.size,
    watermarkLagSeconds: () => {
      const watermark = settler.watermark();
      return watermark === undefined ? 0 : (clock.now() - watermark) / SECOND;
    },
    bytesInFlight: admission.bytes,
  });
  counting = counters;
  let intake: Intake | undefined;
  const ready: Checks = {
    redis: () => redisProblem(producer.state()),
    journal: journal.problem,
    keys: () => (keyring.isLoaded() ? undefined : "the API keys are not loaded yet"),
    clock: () => (intake ? undefined : "the product's clock is not read yet"),
  };
  const app = createHttp({ logger, metrics, ready });
  addRoutes(app, { keyring, admission, intake: () => intake });

  async function start(): Promise<void> {
    await waitForSchema(pool, logger, stopping.signal);
    await clock.start();
    await untilDone("load the keys", keyring.load, logger, stopping.signal);
    await untilDone("register", settler.register, logger, stopping.signal);
    for (const loop of [keyring.loop, ...settler.loops]) loop.start();
    intake = createIntake({
      flusher,
      now: clock.now,
      window: { ...ACCEPT_WINDOW, past: settings.ACCEPT_PAST_HOURS * HOUR },
      onAccepted: counters.accepted,
      onRejected: counters.rejected,
    });
  }

  async function stop(): Promise<void> {
    stopping.abort();
    clock.stop();
    await app.close();
    await flusher.drained();
    for (const loop of [keyring.loop, ...settler.loops]) await loop.stop();
    if (intake) {
      await settler
        .leave(LEAVE_WITHIN_MS)
        .catch((error: unknown) => logger.warn({ err: error }, "left without a word to Postgres"));
    }
    await journal.close();
    await producer.close();
    await pool.end();
  }

  try {
    await app.listen({ host: settings.HOST, port: settings.PORT });
  } catch (error) {
    await stop();
    throw error;
  }
  if (settings.ALLOW_VOLATILE_REDIS) {
    logger.warn("ALLOW_VOLATILE_REDIS is set: what is acknowledged may be lost with Redis");
  }
  const { port } = app.server.address() as AddressInfo;
  const started = start();
  started.catch(() => {});
  return { url: `http://${settings.HOST}:${port}`, port, ready: started, stop };
}

function ledgerOf(pool: Pool): CollectorLedger {
  return {
    register: (name, watermark, real) => registerCollector(pool, name, watermark, real),
    readReceipts: (collectorNo, fromSeq) => readReceipts(pool, collectorNo, fromSeq),
    writeWatermark: (collectorNo, watermark, real, left) =>
      writeWatermark(pool, collectorNo, watermark, real, left),
  };
}

import type { AddressInfo } from "node:net";
import { ACCEPT_WINDOW, HOUR, SECOND } from "@quarterpast/domain";
import { createHttp, createMetrics, type Checks, type Logger } from "@quarterpast/runtime";
import { liveKeys, readRetention } from "@quarterpast/store";
import { createAdmission } from "./admission.js";
import { createApiKeys } from "./apiKeys.js";
import { connect } from "./connections.js";
import { createFlusher, redisProblem } from "./flush.js";
import { createIntake, type Intake } from "./intake.js";
import { openJournal } from "./journal/journal.js";
import type { Sync } from "./journal/segment.js";
import { createCollectorMetrics } from "./metrics.js";
import { createOutstanding } from "./outstanding.js";
import { createKeptRetention } from "./retention.js";
import { eventsRoute, refuseOtherMethods } from "./routes.js";
import { createSettler } from "./settle.js";
import type { CollectorSettings } from "./settings.js";
import { explainDataDir, explainListen } from "./startErrors.js";
import { untilDone, waitBriefly, waitForSchema } from "./startup.js";

/** A listening collector. */
export interface Collector {
  url: string;
  port: number;
  /**
   * Resolves when the collector is up, and accepts events if Redis is durable; rejects if it cannot come up (a newer
   * schema, a stop).
   */
  ready: Promise<void>;
  /** Answers open requests, waits briefly for receipts, and signs off. */
  stop(): Promise<void>;
}

export interface CollectorDeps {
  settings: CollectorSettings;
  logger: Logger;
  /** How the journal is flushed to disk; tests delay it or make it fail. */
  sync?: Sync;
  /** An entry without a receipt for this long, real milliseconds, is enqueued again; 30 s by default. */
  receiptWithinMs?: number;
  /** How long a stop waits for receipts, real milliseconds; 3 s by default, because the whole stop has 10 s. */
  leaveWithinMs?: number;
}

const REDIS_WITHIN_MS = 2_000;

type Parts = Awaited<ReturnType<typeof assemble>>;

/**
 * Starts a collector. It listens immediately and answers 503 until Postgres, its clock and the keys have each been
 * available once.
 * @throws SettingsError if the journal's folder is in use or cannot be written, or the port is taken.
 */
export async function createCollector(deps: CollectorDeps): Promise<Collector> {
  const { settings, logger, leaveWithinMs = 3_000 } = deps;
  const parts = await assemble(deps).catch((error: unknown) => {
    throw explainDataDir(error, settings.COLLECTOR_DATA_DIR);
  });
  const stopping = new AbortController();
  let intake: Intake | undefined;
  const app = createHttp({
    logger,
    metrics: parts.metrics,
    ready: checksOf(parts, () => intake !== undefined),
    bare: eventsRoute({ apiKeys: parts.apiKeys, admission: parts.admission, intake: () => intake }),
  });
  refuseOtherMethods(app);

  async function start(): Promise<void> {
    const { pool, clock, apiKeys, retention, settler, counters } = parts;
    await waitForSchema(pool, logger, stopping.signal);
    await clock.start();
    await untilDone("load the keys", () => apiKeys.load(), logger, stopping.signal);
    await untilDone("read the retention", () => retention.load(), logger, stopping.signal);
    await untilDone("register", () => settler.begin(), logger, stopping.signal);
    for (const loop of [apiKeys.loop, retention.loop, ...settler.loops]) loop.start();
    intake = createIntake({
      flusher: parts.flusher,
      now: () => clock.now(),
      real: () => clock.real(),
      keepDays: () => retention.keepDays(),
      window: { ...ACCEPT_WINDOW, past: settings.ACCEPT_PAST_HOURS * HOUR },
      onAccepted: (events, durability) => counters.accepted(events, durability),
      onRejected: (code) => counters.rejected(code),
    });
    // Waits this long for the first check of Redis; if Redis is unreachable, the collector starts anyway and answers
    // 503.
    await waitBriefly(() => parts.producer.state().ok, REDIS_WITHIN_MS);
  }

  async function stop(): Promise<void> {
    stopping.abort();
    parts.clock.stop();
    await app.close();
    await parts.flusher.drained();
    for (const loop of [parts.apiKeys.loop, parts.retention.loop, ...parts.settler.loops]) await loop.stop();
    if (intake) {
      await parts.settler
        .leave(leaveWithinMs)
        .catch((error: unknown) => logger.warn({ err: error }, "stopped without signing off in Postgres"));
    }
    await parts.journal.close();
    await parts.producer.close();
    await parts.pool.end();
  }

  try {
    await app.listen({ host: settings.HOST, port: settings.PORT });
  } catch (error) {
    await stop();
    throw explainListen(error, settings);
  }
  const ready = start();
  // Callers that await it get the error; others need not handle it.
  ready.catch(() => {});
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://${settings.HOST}:${port}`, port, ready, stop };
}

async function assemble({ settings, logger, sync, receiptWithinMs = 30_000 }: CollectorDeps) {
  const admission = createAdmission();
  const metrics = createMetrics("collector");
  const counters = createCollectorMetrics(metrics, { bytesInFlight: () => admission.bytes() });
  const journal = await openJournal({
    dir: settings.COLLECTOR_DATA_DIR,
    keepHours: settings.JOURNAL_KEEP_HOURS,
    real: () => Date.now() * 1_000,
    logger,
    onCommit: (bytes, seconds) => counters.committed(bytes, seconds),
    ...(sync && { sync }),
  });
  const monotonicMs = () => performance.now();
  const outstanding = createOutstanding({ journal, monotonicMs, receiptWithinMs });
  const { pool, ledger, clock, producer } = connect(settings, logger, {
    name: journal.collector,
    onLost: () => {
      logger.error({ entries: outstanding.size() }, "Redis has lost entries: they are enqueued again");
      outstanding.lost();
    },
  });
  const settler = createSettler({
    ledger,
    journal,
    outstanding,
    producer,
    clock,
    monotonicMs,
    logger,
    onReenqueued: () => counters.reenqueued(),
  });
  counters.watch(
    () => outstanding.size(),
    () => {
      const watermark = settler.watermark();
      return watermark === undefined ? 0 : (clock.now() - watermark) / SECOND;
    },
  );
  const flusher = createFlusher({
    journal,
    producer,
    outstanding,
    collectorNo: () => settler.collectorNo(),
    policy: settings.REDIS_DOWN,
  });
  const apiKeys = createApiKeys({ readKeys: () => liveKeys(pool), logger });
  const retention = createKeptRetention(() => readRetention(pool), logger);
  return {
    retention,
    admission,
    metrics,
    counters,
    journal,
    pool,
    clock,
    producer,
    settler,
    flusher,
    apiKeys,
  };
}

function checksOf({ producer, journal, apiKeys }: Parts, isStarted: () => boolean): Checks {
  return {
    redis: () => redisProblem(producer.state()),
    journal: () => journal.problem(),
    keys: () => (apiKeys.isLoaded() ? undefined : "the API keys are not loaded yet"),
    clock: () => (isStarted() ? undefined : "Postgres or the product's clock was not available yet"),
  };
}

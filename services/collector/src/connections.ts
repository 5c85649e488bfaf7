import { createProducer, type Producer } from "@quarterpast/queue";
import { createProductClock, type Logger, type ProductClock } from "@quarterpast/runtime";
import {
  createPool,
  readClock,
  readReceipts,
  registerCollector,
  writeWatermark,
  type Pool,
} from "@quarterpast/store";
import type { CollectorLedger } from "./settle.js";
import type { CollectorSettings } from "./settings.js";

/** The servers that the collector uses. */
export interface Connections {
  pool: Pool;
  ledger: CollectorLedger;
  clock: ProductClock;
  producer: Producer;
}

/** For keys, clock, receipts and watermark, which must not delay an acknowledgement. */
const POOL_MAX = 3;

/** Opens the connections; the servers need not be available yet. */
export function connect(
  settings: CollectorSettings,
  logger: Logger,
  queue: { name: string; onLost: () => void },
): Connections {
  const pool = createPool({
    databaseUrl: settings.DATABASE_URL,
    max: POOL_MAX,
    applicationName: "quarterpast-collector",
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
  const producer = createProducer({
    redisUrl: settings.REDIS_URL,
    prefix: settings.QUEUE_PREFIX,
    allowVolatile: settings.ALLOW_VOLATILE_REDIS,
    onError: (error) => logger.debug({ err: error }, "Redis"),
    ...queue,
  });
  if (settings.ALLOW_VOLATILE_REDIS) {
    logger.warn("ALLOW_VOLATILE_REDIS is set: a Redis that may lose acknowledged entries is trusted");
  }
  return { pool, ledger: ledgerOf(pool), clock, producer };
}

function ledgerOf(pool: Pool): CollectorLedger {
  return {
    register: (name, watermark, real) => registerCollector(pool, name, watermark, real),
    readReceipts: (collectorNo, fromSeq) => readReceipts(pool, collectorNo, fromSeq),
    writeWatermark: (collectorNo, watermark, real, left) =>
      writeWatermark(pool, collectorNo, watermark, real, left),
  };
}

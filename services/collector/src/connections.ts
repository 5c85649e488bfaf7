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

/** The servers the collector speaks to. */
export interface Connections {
  pool: Pool;
  ledger: CollectorLedger;
  clock: ProductClock;
  producer: Producer;
}

/** Keys, clock, receipts and watermark: never in the way of an acknowledgement. */
const POOL_MAX = 3;

/** Opens the connections; none of the servers need be there yet. */
export function connect(
  settings: CollectorSettings,
  logger: Logger,
  queue: { name: string; onLost: () => void },
): Connections {
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
  const producer = createProducer({
    redisUrl: settings.REDIS_URL,
    prefix: settings.QUEUE_PREFIX,
    allowVolatile: settings.ALLOW_VOLATILE_REDIS,
    onError: (error) => logger.debug({ err: error }, "Redis"),
    ...queue,
  });
  if (settings.ALLOW_VOLATILE_REDIS) {
    logger.warn("ALLOW_VOLATILE_REDIS is set: a Redis that may lose what it took is trusted");
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

import { backoffMs } from "@quarterpast/runtime/backoff";
import { Redis, type RedisOptions } from "ioredis";

/** The queue's name and its default prefix, hash-tagged so that Redis Cluster keeps its keys in one slot. */
export const QUEUE_NAME = "usage";
export const DEFAULT_PREFIX = "{qp0}";

/** BullMQ's default backoff costs 18 s after an outage (failures.md 2.26): never wait longer than this. */
const RECONNECT = { firstMs: 100, capMs: 1_000 };

const reconnect: RedisOptions = {
  retryStrategy: (attempt) => backoffMs(RECONNECT, attempt),
  connectTimeout: 2_000,
  keepAlive: 5_000,
};

/**
 * For a producer: a command fails immediately while Redis is unreachable, so that a request can be answered 503 in
 * time.
 */
export function connectProducer(redisUrl: string): Redis {
  return new Redis(redisUrl, {
    ...reconnect,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    // A command that was cut off may have been executed; resending it automatically would hide that.
    autoResendUnfulfilledCommands: false,
  });
}

/** For a worker: its blocking commands wait for Redis without a limit. */
export function connectWorker(redisUrl: string): Redis {
  return new Redis(redisUrl, { ...reconnect, maxRetriesPerRequest: null });
}

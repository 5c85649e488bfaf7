import { noAnswer, within } from "@quarterpast/runtime/deadline";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { UsageJob } from "./batch.js";
import { connectProducer, DEFAULT_PREFIX, QUEUE_NAME } from "./connection.js";
import { createMark } from "./mark.js";
import { isFull, readRoom, type Room } from "./room.js";
import { checkDurability, checkSettings, type DurabilityProblem } from "./durability.js";

export interface ProducerOptions {
  redisUrl: string;
  prefix?: string;
  /** Accepts a Redis that may lose acknowledged entries; every start must log that. */
  allowVolatile?: boolean;
  /** Longest wait for one add, real milliseconds. */
  timeoutMs?: number;
  onError?: (error: Error) => void;
  /** Name of the producer, unique and never changed: with it, `onLost` is called within a second. */
  name?: string;
  /** Redis was emptied, or restored to an earlier state: entries may be gone. */
  onLost?: () => void;
}

export type ProducerState =
  | { ok: true }
  | { ok: false; reason: "unreachable" }
  | { ok: false; reason: "volatile"; problems: DurabilityProblem[] }
  | { ok: false; reason: "full"; room: Room };

export interface Producer {
  /**
   * Resolves when Redis has the entry on disk. Any error means that it may be stored. One entry is one job and one
   * Lua call.
   */
  add(entry: UsageJob): Promise<void>;
  /** The result of the last check of Redis; not ok means that nothing may be acknowledged. */
  state(): ProducerState;
  close(): Promise<void>;
}

const CHECK_EVERY_MS = 500;
/** A check older than this is ignored: Redis may have been reconfigured or replaced since. */
const CHECK_VALID_MS = 2_000;

/** Connects to Redis and keeps checking that it is durable: at start, on each reconnect and twice a second. */
export function createProducer(options: ProducerOptions): Producer {
  const {
    redisUrl,
    prefix = DEFAULT_PREFIX,
    allowVolatile = false,
    timeoutMs = 1_500,
    onError = () => {},
    onLost,
  } = options;
  const mark =
    options.name !== undefined && onLost ? createMark(`${prefix}:mark:${options.name}`) : undefined;
  const redis = connectProducer(redisUrl);
  // BullMQ asks Redis for its version once, when the queue is created; created too early, it would fail forever.
  let queue: Queue<UsageJob> | undefined;
  let state: ProducerState = { ok: false, reason: "unreachable" };
  let checkedAt = 0;

  const check = async (): Promise<void> => {
    try {
      const asked = Promise.all([checkDurability(redis), readRoom(redis)]);
      const [problems, room] = await inTime(asked, timeoutMs, "check");
      if (problems.length > 0 && !allowVolatile) state = { ok: false, reason: "volatile", problems };
      else state = isFull(room) ? { ok: false, reason: "full", room } : { ok: true };
      checkedAt = performance.now();
      if (mark && (await inTime(mark.isLost(redis), timeoutMs, "mark"))) onLost?.();
    } catch {
      state = { ok: false, reason: "unreachable" };
    }
  };
  redis.on("error", onError);
  redis.on("close", () => (state = { ok: false, reason: "unreachable" }));
  redis.on("ready", () => {
    queue ??= openQueue(redis, prefix, onError);
    void check();
  });
  const timer = setInterval(() => void check(), CHECK_EVERY_MS);

  return {
    add: async (entry) => {
      if (!queue) throw new Error("Redis: not connected yet");
      const job = queue.add("batch", entry, { jobId: `${entry.collector}-${entry.seq}` });
      // Checked during the add, so that a success never relies on settings that were changed before it.
      const settings = allowVolatile ? [] : checkSettings(redis);
      const work = inTime(Promise.all([settings, job]), timeoutMs, `add of entry ${entry.seq}`);
      const [problems] = await work.catch((error: unknown) => {
        // Nothing relies on this Redis until the next check succeeds.
        state = { ok: false, reason: "unreachable" };
        throw error;
      });
      if (problems.length === 0) return;
      state = { ok: false, reason: "volatile", problems };
      throw new Error(`Redis: ${problems.map(({ setting, value }) => `${setting} is ${value}`).join(", ")}`);
    },
    state: () =>
      state.ok && performance.now() - checkedAt > CHECK_VALID_MS
        ? { ok: false, reason: "unreachable" }
        : state,
    close: async () => {
      clearInterval(timer);
      await queue?.close().catch(() => {});
      redis.disconnect();
    },
  };
}

function openQueue(redis: Redis, prefix: string, onError: (error: Error) => void): Queue<UsageJob> {
  const queue = new Queue<UsageJob>(QUEUE_NAME, {
    connection: redis,
    prefix,
    skipWaitingForReady: true,
    streams: { events: { maxLen: 100 } },
    defaultJobOptions: {
      removeOnComplete: true,
      removeOnFail: false,
      keepLogs: 0,
      // Retries do not end (SPEC 3).
      attempts: Number.MAX_SAFE_INTEGER,
      backoff: { type: "fixed", delay: 500, jitter: 0.5 },
    },
  });
  queue.on("error", onError);
  return queue;
}

/** The answer of Redis, if it comes in time. */
function inTime<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  return within(ms, work, noAnswer(ms, `Redis: ${what} had `));
}

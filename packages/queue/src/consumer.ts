import { Worker } from "bullmq";
import { decodeBatch, type UsageBatch, type UsageJob } from "./batch.js";
import { connectWorker, DEFAULT_PREFIX, QUEUE_NAME } from "./connection.js";

export interface ConsumerOptions {
  redisUrl: string;
  prefix?: string;
  /** Batches processed at the same time. */
  concurrency: number;
  /**
   * Must not return before the batch's receipt is committed: returning completes the job. An error makes it run
   * again.
   */
  process: (batch: UsageBatch) => Promise<void>;
  onError: (error: Error) => void;
}

export interface Consumer {
  /** Jobs that wait to be taken or to be retried. */
  waiting(): Promise<{ jobs: number }>;
  isRunning(): boolean;
  /** Lets running batches finish and takes no new ones. */
  close(): Promise<void>;
}

/**
 * Consumes usage jobs. A job may run twice, even at the same time (failures.md B1): `process` must be idempotent.
 * Locks are short so that the jobs of a killed worker run again within seconds.
 */
export function createConsumer({
  redisUrl,
  prefix = DEFAULT_PREFIX,
  concurrency,
  process,
  onError,
}: ConsumerOptions): Consumer {
  const redis = connectWorker(redisUrl);
  redis.on("error", onError);
  const worker = new Worker<UsageJob>(QUEUE_NAME, async (job) => process(decodeBatch(job.data)), {
    connection: redis,
    prefix,
    concurrency,
    lockDuration: 10_000,
    stalledInterval: 2_000,
    // Two kills must not fail a job for good; the default is 1.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    removeOnComplete: { count: 0 },
  });
  worker.on("error", onError);
  worker.on("failed", (_job, error) => onError(error));
  return {
    waiting: async () => {
      const [wait, delayed] = await Promise.all([
        redis.llen(`${prefix}:${QUEUE_NAME}:wait`),
        redis.zcard(`${prefix}:${QUEUE_NAME}:delayed`),
      ]);
      return { jobs: wait + delayed };
    },
    isRunning: () => worker.isRunning(),
    close: async () => {
      // Without Redis there is nothing to wait for: unfinished jobs run again when their locks expire.
      await worker.close(redis.status !== "ready");
      redis.disconnect();
    },
  };
}

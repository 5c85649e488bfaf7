import { once } from "node:events";
import { checkDurability, connectProducer, QUEUE_NAME, type DurabilityProblem } from "@quarterpast/queue";

const CONNECT_MS = 1_000;

/** What doctor asks Redis. Every call fails immediately while Redis is unreachable. */
export interface Prober {
  durability(): Promise<DurabilityProblem[]>;
  queue(): Promise<{ waiting: number; delayed: number; failed: number }>;
  close(): void;
}

/** Connects to the queue's Redis; commands sent while it is unreachable are refused, not queued. */
export function createProber(redisUrl: string, prefix: string): Prober {
  const redis = connectProducer(redisUrl);
  redis.on("error", () => {});
  // Before the first connection every command would be refused although Redis is up, so early calls wait for it.
  const begun = once(redis, "ready", { signal: AbortSignal.timeout(CONNECT_MS) }).catch(() => undefined);
  const key = (list: string) => `${prefix}:${QUEUE_NAME}:${list}`;
  return {
    async durability() {
      await begun;
      return checkDurability(redis);
    },
    async queue() {
      await begun;
      const [waiting, delayed, failed] = await Promise.all([
        redis.llen(key("wait")),
        redis.zcard(key("delayed")),
        redis.zcard(key("failed")),
      ]);
      return { waiting, delayed, failed };
    },
    close: () => redis.disconnect(),
  };
}

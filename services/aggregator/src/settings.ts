import { KEEP_DAYS } from "@quarterpast/domain";
import { z } from "zod";
import { integerSetting, logLevelSetting, portSetting, textSetting, urlSetting } from "@quarterpast/runtime";

/** Settings of the aggregator, from the environment. */
export const aggregatorSettings = z.object({
  HOST: textSetting({ en: "an address to listen on", zh: "监听地址" }).default("127.0.0.1"),
  /** Health and metrics only. */
  PORT: portSetting(),
  LOG_LEVEL: logLevelSetting().default("info"),
  DATABASE_URL: urlSetting("postgres", "postgresql"),
  REDIS_URL: urlSetting("redis", "rediss"),
  QUEUE_PREFIX: textSetting({ en: "a prefix for the queue's keys", zh: "队列键前缀" }).default("{qp0}"),
  /** Batches counted at once. */
  CONCURRENCY: integerSetting(1, 64).default(4),
  /** How long event identities are kept, from their receipt. */
  RETENTION_DAYS: integerSetting(KEEP_DAYS.least, KEEP_DAYS.most).default(KEEP_DAYS.usual),
});

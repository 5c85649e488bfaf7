import {
  booleanSetting,
  integerSetting,
  logLevelSetting,
  portSetting,
  readSettings,
  setting,
  textSetting,
  urlSetting,
} from "@quarterpast/runtime";
import { z } from "zod";

/** What is done while Redis cannot be trusted: refuse, or acknowledge on the journal alone. */
export type RedisDownPolicy = "strict" | "journal";

const POLICIES: readonly RedisDownPolicy[] = ["strict", "journal"];

/** 35 days: no event is accepted later than that (SPEC 2). */
const ACCEPT_PAST_HOURS_MAX = 840;
/**
 * Identities are kept for a week longer than events are accepted, so a journal kept for less than a week can never
 * bring back an event whose identity is forgotten.
 */
const JOURNAL_KEEP_HOURS_MAX = 167;

const schema = z.object({
  HOST: textSetting({ en: "an address to listen on", zh: "监听地址" }).default("127.0.0.1"),
  PORT: portSetting(),
  LOG_LEVEL: logLevelSetting().default("info"),
  DATABASE_URL: urlSetting("postgres", "postgresql"),
  REDIS_URL: urlSetting("redis", "rediss"),
  QUEUE_PREFIX: textSetting({ en: "a prefix for the queue's keys", zh: "队列键的前缀" }).default("{qp0}"),
  COLLECTOR_DATA_DIR: textSetting({
    en: "the path of the folder for the journal",
    zh: "存放日志（journal）的文件夹路径",
  }),
  ALLOW_VOLATILE_REDIS: booleanSetting().default(false),
  REDIS_DOWN: setting<RedisDownPolicy>({ en: "strict or journal", zh: "strict 或 journal" }, (text) =>
    POLICIES.find((policy) => policy === text),
  ).default("strict"),
  ACCEPT_PAST_HOURS: integerSetting(1, ACCEPT_PAST_HOURS_MAX).default(24),
  JOURNAL_KEEP_HOURS: integerSetting(1, JOURNAL_KEEP_HOURS_MAX).default(48),
});

/** The collector's settings, by the names of their environment variables. */
export type CollectorSettings = z.output<typeof schema>;

/** Reads the settings from the environment. @throws SettingsError that names every problem. */
export function readCollectorSettings(env: NodeJS.ProcessEnv): CollectorSettings {
  return readSettings(schema, env);
}

import {
  booleanSetting,
  integerSetting,
  queueSettings,
  readSettings,
  serviceSettings,
  setting,
  settingMeanings,
  textSetting,
} from "@quarterpast/runtime";
import { z } from "zod";

/** What to do while Redis is not durable: refuse, or acknowledge with only the journal. */
export type RedisDownPolicy = "strict" | "journal";

const POLICIES: readonly RedisDownPolicy[] = ["strict", "journal"];

/** 35 days: no event is accepted later than that (SPEC 2). */
const ACCEPT_PAST_HOURS_MAX = 840;
/**
 * Identities are kept for a week longer than events are accepted, so a journal kept for less than a week can never
 * bring back an event whose identity is forgotten.
 */
const JOURNAL_KEEP_HOURS_MAX = 167;

/** What the collector takes from the environment. */
export const collectorSettings = z.object({
  ...serviceSettings,
  ...queueSettings,
  COLLECTOR_DATA_DIR: textSetting({
    en: "the path of the folder for the journal",
    zh: "存放日志（journal）的文件夹路径",
  }).register(settingMeanings, {
    en: "folder of the journal, one for each collector",
    zh: "日志（journal）的文件夹，每个 collector 各用一个",
  }),
  ALLOW_VOLATILE_REDIS: booleanSetting().default(false).register(settingMeanings, {
    en: "trusts a Redis that may lose entries; logged at every start",
    zh: "信任可能丢失数据的 Redis；每次启动都会写入日志",
  }),
  REDIS_DOWN: setting<RedisDownPolicy>({ en: "strict or journal", zh: "strict 或 journal" }, (text) =>
    POLICIES.find((policy) => policy === text),
  )
    .default("strict")
    .register(settingMeanings, {
      en: "while Redis cannot be trusted: `strict` answers 503, `journal` acknowledges on the journal only",
      zh: "Redis 不可信时：`strict` 返回 503，`journal` 仅凭日志（journal）确认",
    }),
  ACCEPT_PAST_HOURS: integerSetting(1, ACCEPT_PAST_HOURS_MAX).default(24).register(settingMeanings, {
    en: "how late events are accepted, in hours",
    zh: "接收多少小时以内的迟到事件",
  }),
  JOURNAL_KEEP_HOURS: integerSetting(1, JOURNAL_KEEP_HOURS_MAX).default(48).register(settingMeanings, {
    en: "how long entries with a receipt are kept, in hours: less than identities are",
    zh: "已有回执的条目保留的小时数，短于事件标识的保留期",
  }),
});

/** The collector's settings, by the names of their environment variables. */
export type CollectorSettings = z.output<typeof collectorSettings>;

/** Reads the settings from the environment. @throws SettingsError that names every problem. */
export function readCollectorSettings(env: NodeJS.ProcessEnv): CollectorSettings {
  return readSettings(collectorSettings, env);
}

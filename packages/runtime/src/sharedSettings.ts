import { settingMeanings } from "./settingRows.js";
import { logLevelSetting, portSetting, textSetting, urlSetting } from "./settings.js";

/** Settings of every service. */
export const serviceSettings = {
  HOST: textSetting({ en: "an address to listen on", zh: "监听地址" })
    .default("127.0.0.1")
    .register(settingMeanings, { en: "the address to listen on", zh: "监听地址" }),
  PORT: portSetting().register(settingMeanings, {
    en: "the port to listen on, of services without an interface for health and metrics; 0 picks a free one",
    zh: "监听端口；没有业务接口的服务用于健康检查和指标；0 表示任取空闲端口",
  }),
  LOG_LEVEL: logLevelSetting()
    .default("info")
    .register(settingMeanings, { en: "how much is logged", zh: "日志级别" }),
  DATABASE_URL: urlSetting("postgres", "postgresql").register(settingMeanings, {
    en: "Postgres",
    zh: "Postgres 地址",
  }),
};

/** Settings of the services that use the queue. */
export const queueSettings = {
  REDIS_URL: urlSetting("redis", "rediss").register(settingMeanings, { en: "Redis", zh: "Redis 地址" }),
  QUEUE_PREFIX: textSetting({ en: "a prefix for the queue's keys", zh: "队列键的前缀" })
    .default("{qp0}")
    .register(settingMeanings, { en: "prefix of the queue's keys", zh: "队列键的前缀" }),
};

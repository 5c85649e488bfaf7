import { logLevelSetting, portSetting, textSetting, urlSetting } from "@quarterpast/runtime";
import { z } from "zod";

/** Settings of the api, from the environment; its accounts are read by `readAccounts` of the marketplace. */
export const apiSettings = z.object({
  HOST: textSetting({ en: "an address to listen on", zh: "监听地址" }).default("127.0.0.1"),
  PORT: portSetting(),
  LOG_LEVEL: logLevelSetting().default("info"),
  DATABASE_URL: urlSetting("postgres", "postgresql"),
  REDIS_URL: urlSetting("redis", "rediss"),
  QUEUE_PREFIX: textSetting({ en: "a prefix for the queue's keys", zh: "队列键前缀" }).default("{qp0}"),
  /** Addresses as clients reach them; told by `GET /v1/stack`. */
  COLLECTOR_URL: urlSetting("http", "https"),
  STOREFRONT_URL: urlSetting("http", "https"),
  SANDBOX_URL: urlSetting("http", "https").optional(),
  API_URL: urlSetting("http", "https"),
});

import { queueSettings, serviceSettings, settingMeanings, urlSetting } from "@quarterpast/runtime";
import { z } from "zod";

const address = () => urlSetting("http", "https");

/** Settings of the api, from the environment; its accounts are read by `readAccounts` of the marketplace. */
export const apiSettings = z.object({
  ...serviceSettings,
  ...queueSettings,
  API_URL: address().register(settingMeanings, {
    en: "this service's own address as clients reach it; `GET /v1/stack` answers this one and the next three",
    zh: "客户端访问本服务的地址；`GET /v1/stack` 返回本项及以下三项",
  }),
  COLLECTOR_URL: address().register(settingMeanings, {
    en: "the collector's address as clients reach it",
    zh: "客户端访问 collector 的地址",
  }),
  STOREFRONT_URL: address().register(settingMeanings, {
    en: "the storefront's address as the marketplace reaches it",
    zh: "云商店访问 storefront 的地址",
  }),
  SANDBOX_URL: address()
    .optional()
    .register(settingMeanings, { en: "the sandbox's address, if there is one", zh: "沙箱地址（如有）" }),
});

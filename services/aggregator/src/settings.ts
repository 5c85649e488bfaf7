import { KEEP_DAYS } from "@quarterpast/domain";
import { integerSetting, queueSettings, serviceSettings, settingMeanings } from "@quarterpast/runtime";
import { z } from "zod";

/** Settings of the aggregator, from the environment. */
export const aggregatorSettings = z.object({
  ...serviceSettings,
  ...queueSettings,
  CONCURRENCY: integerSetting(1, 64)
    .default(4)
    .register(settingMeanings, { en: "batches counted at once", zh: "同时计入的批数" }),
  RETENTION_DAYS: integerSetting(KEEP_DAYS.least, KEEP_DAYS.most)
    .default(KEEP_DAYS.usual)
    .register(settingMeanings, {
      en: "days for which the identity of an event is kept, from its receipt",
      zh: "事件标识自接收起保留的天数",
    }),
});

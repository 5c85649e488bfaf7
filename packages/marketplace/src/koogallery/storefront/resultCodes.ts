import type { Text } from "@quarterpast/domain";

/** Result codes of answers to the marketplace (koogallery.md 3.7); the set that this product uses. */
export const RESULT_CODES = {
  "000000": { en: "success", zh: "成功" },
  "000001": { en: "authentication failed", zh: "鉴权失败" },
  "000002": { en: "invalid parameter", zh: "请求参数不合法" },
  "000003": { en: "instance ID does not exist", zh: "实例 ID 不存在" },
  "000004": { en: "processing", zh: "请求处理中" },
  "000005": { en: "internal error", zh: "其它内部错误" },
} as const satisfies Record<string, Text>;

export type ResultCode = keyof typeof RESULT_CODES;

/** Limits of the interface (koogallery.md 3.2). */
export const STOREFRONT_LIMITS = {
  /** Ids in one queryInstance. */
  queriedInstances: 100,
  resultMessageChars: 255,
  urlChars: 512,
  memoChars: 1_024,
  /** The marketplace gives up after 5 s. */
  answerWithinMs: 5_000,
} as const;

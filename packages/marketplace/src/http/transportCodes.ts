import type { Text } from "@quarterpast/domain";

/**
 * Our own codes for results that are not the marketplace's verdict: the connection to it failed, or its reply says
 * nothing.
 */
export const TRANSPORT_CODES = {
  NOT_SENT: { en: "no connection; nothing was sent", zh: "无法建立连接，未发送任何内容" },
  TIMEOUT: { en: "no complete reply in time", zh: "未在时限内收到完整响应" },
  CUT: { en: "the connection was cut before the reply was complete", zh: "响应完成前连接中断" },
  REPLY_TOO_LARGE: { en: "the reply is larger than is read", zh: "响应超出可读取的大小" },
  ABORTED: { en: "given up by the caller", zh: "调用方已放弃" },
  NO_CODE: { en: "the reply carries no code", zh: "响应中没有结果码" },
  CALL_TOO_LARGE: { en: "more than one call may carry; nothing was sent", zh: "超出单次调用上限，未发送" },
  SEVERAL_KEYS: {
    en: "its records are signed by several keys; nothing was sent, each key has a call of its own",
    zh: "话单需由不同密钥签名，未发送，将按密钥分别调用",
  },
  OTHER_PUSH: {
    en: "frozen for the other push interface, whose keys are not set (ORDER_AK, ORDER_SK); nothing was sent",
    zh: "话单按另一推送接口固化，而其密钥（ORDER_AK、ORDER_SK）未设置，未发送",
  },
  UNKNOWN_HOST: {
    en: "the host that these records belong to is not configured any more; nothing was sent",
    zh: "这些话单所属的主机已不在配置中，未发送",
  },
} as const satisfies Record<string, Text>;

export type TransportCode = keyof typeof TRANSPORT_CODES;

import { z } from "zod";
import {
  booleanSetting,
  integerSetting,
  logLevelSetting,
  portSetting,
  textSetting,
  urlSetting,
} from "@quarterpast/runtime";

/** Settings of the storefront, from the environment. */
export const storefrontSettings = z.object({
  HOST: textSetting({ en: "an address to listen on", zh: "监听地址" }).default("127.0.0.1"),
  PORT: portSetting(),
  LOG_LEVEL: logLevelSetting().default("info"),
  DATABASE_URL: urlSetting("postgres", "postgresql"),
  ACCOUNT: textSetting({ en: "the code of a seller account", zh: "卖家账号代码" }).default("koogallery-cn"),
  MARKETPLACE: z.literal("koogallery").default("koogallery"),
  MARKETPLACE_SITE: z.enum(["cn", "intl"]).default("cn"),
  /** How far a call's time may be from ours, in real seconds (koogallery.md 3.1). */
  SIGNATURE_WINDOW_SECONDS: integerSetting(1, 900).default(60),
  /** V1.0 has no nonce and its calls may be made by hand in the console: a wider one. */
  V1_WINDOW_SECONDS: integerSetting(1, 3_600).default(300),
  /** Whether answers of V2.0 carry the header Body-Sign too (koogallery.md 3, general demands). */
  SIGN_V2_ANSWERS: booleanSetting().default(false),
  /** Encryption of userName and password in answers of V2.0; V1.0 always encrypts. */
  V2_CREDENTIALS: z.enum(["plain", "aes256", "aes128"]).default("plain"),
  V1_CREDENTIALS: z.enum(["aes256", "aes128"]).default("aes256"),
  /** Where a customer uses the product, unless the product or the seller's hook says otherwise. */
  FRONT_END_URL: urlSetting("http", "https").default("https://www.example.com/"),
  /** Order query: without a URL the site's own address, without AK and SK none at all. */
  ORDER_QUERY_URL: urlSetting("http", "https").optional(),
  ORDER_AK: textSetting({ en: "the access key of the order query", zh: "订单查询的 AK" }).optional(),
  ORDER_SK: textSetting({ en: "the secret key of the order query", zh: "订单查询的 SK" }).optional(),
  /** The seller's own service: told of what was bought, frozen and released. */
  SELLER_HOOK_URL: urlSetting("http", "https").optional(),
  SELLER_HOOK_KEY: textSetting({ en: "the key the hooks are signed with", zh: "回调签名密钥" }).optional(),
  /** A package warns when less than this many percent of its quota is left. */
  LOW_BALANCE_PERCENT: integerSetting(0, 100).default(10),
});

import { z } from "zod";
import { integerSetting, logLevelSetting, portSetting, textSetting, urlSetting } from "@quarterpast/runtime";

/** Settings of the reporter, from the environment. */
export const reporterSettings = z.object({
  HOST: textSetting({ en: "an address to listen on", zh: "监听地址" }).default("127.0.0.1"),
  /** Health and metrics only. */
  PORT: portSetting(),
  LOG_LEVEL: logLevelSetting().default("info"),
  DATABASE_URL: urlSetting("postgres", "postgresql"),
  ACCOUNT: textSetting({ en: "the code of a seller account", zh: "卖家账号代码" }).default("koogallery-cn"),
  MARKETPLACE: z.literal("koogallery").default("koogallery"),
  MARKETPLACE_SITE: z.enum(["cn", "intl"]).default("cn"),
  /** In place of the site's own address; plain http for loopback alone. */
  MARKETPLACE_URL: urlSetting("http", "https").optional(),
  /** Where the marketplace lists what it made of our records; the sandbox has such a list, KooGallery none. */
  MARKETPLACE_STATEMENT_PATH: textSetting({
    en: "a path, /sandbox/sdr for the sandbox",
    zh: "路径，沙箱为 /sandbox/sdr",
  }).optional(),
  /** Records frozen in one transaction and filed in one call, at most what the marketplace allows. */
  RECORDS_PER_CALL: integerSetting(1, 1_000).default(1_000),
  /** Where proofs go: exports of sealed hours, the public key, and the two below unless they are set. */
  PROOF_DIR: textSetting({ en: "a folder for proofs", zh: "存放凭证的目录" }).optional(),
  /** The Ed25519 key that signs manifests; made where there is none. */
  PROOF_KEY_FILE: textSetting({ en: "the path of a private key", zh: "私钥文件路径" }).optional(),
  /** Best on a volume that the operator cannot rewrite. */
  ANCHOR_FILE: textSetting({ en: "the path of the anchors' file", zh: "锚点文件路径" }).optional(),
});

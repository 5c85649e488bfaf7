import { z } from "zod";
import { integerSetting, logLevelSetting, portSetting, textSetting, urlSetting } from "@quarterpast/runtime";

/** Settings of the reporter, from the environment; its accounts are read by `readAccounts` of the marketplace. */
export const reporterSettings = z.object({
  HOST: textSetting({ en: "an address to listen on", zh: "监听地址" }).default("127.0.0.1"),
  /** Health and metrics only. */
  PORT: portSetting(),
  LOG_LEVEL: logLevelSetting().default("info"),
  DATABASE_URL: urlSetting("postgres", "postgresql"),
  /** Records filed in one call, at most what the marketplace allows. */
  RECORDS_PER_CALL: integerSetting(1, 10_000).default(1_000),
  /** Instances whose records are frozen in one transaction. */
  INSTANCES_PER_CHUNK: integerSetting(1, 10_000).default(1_000),
  /** Where proofs go: exports of sealed hours, the public key, and the two below unless they are set. */
  PROOF_DIR: textSetting({ en: "a folder for proofs", zh: "存放凭证的目录" }).optional(),
  /** The Ed25519 key that signs manifests; made where there is none. */
  PROOF_KEY_FILE: textSetting({ en: "the path of a private key", zh: "私钥文件路径" }).optional(),
  /** Best on a volume that the operator cannot rewrite. */
  ANCHOR_FILE: textSetting({ en: "the path of the anchors' file", zh: "锚点文件路径" }).optional(),
});

import { integerSetting, serviceSettings, settingMeanings, textSetting } from "@quarterpast/runtime";
import { z } from "zod";

/** Settings of the reporter, from the environment; the marketplace's `readAccounts` reads its accounts. */
export const reporterSettings = z.object({
  ...serviceSettings,
  RECORDS_PER_CALL: integerSetting(1, 10_000).default(1_000).register(settingMeanings, {
    en: "records filed in one call, at most what the marketplace allows",
    zh: "一次调用上报的话单数，不超过云商店的上限",
  }),
  INSTANCES_PER_CHUNK: integerSetting(1, 10_000).default(1_000).register(settingMeanings, {
    en: "instances whose records are frozen in one transaction",
    zh: "一个事务内冻结话单的实例数",
  }),
  PROOF_DIR: textSetting({ en: "a folder for proofs", zh: "存放凭证的目录" })
    .optional()
    .register(settingMeanings, {
      en: "folder for exports of sealed hours, the public key and the two below; no proofs without it ([proof](proof.md))",
      zh: "存放已封存小时的导出文件、公钥以及下面两项的目录；不设置则不生成凭证（[凭证](proof.zh-CN.md)）",
    }),
  PROOF_KEY_FILE: textSetting({ en: "the path of a private key", zh: "私钥文件路径" })
    .optional()
    .register(settingMeanings, {
      en: "the Ed25519 key that signs manifests, in `PROOF_DIR` unless it is set; made (0600) if there is none",
      zh: "签署清单的 Ed25519 私钥，默认位于 `PROOF_DIR`；不存在时自动生成（0600）",
    }),
  ANCHOR_FILE: textSetting({ en: "the path of the anchors' file", zh: "锚点文件路径" })
    .optional()
    .register(settingMeanings, {
      en: "hashes of manifests, in `PROOF_DIR` unless it is set; best on a volume that the operator cannot rewrite",
      zh: "清单的哈希值，默认位于 `PROOF_DIR`；最好放在运营者无法改写的存储上",
    }),
});

import type { Text } from "@quarterpast/domain";
import { wrongSetting, type ReadSetting } from "../readSetting.js";
import { secret, type Secret } from "../secret.js";

/**
 * The two interfaces of the usage push, by KooGallery's own names (按需使用量推送（新）, （旧）): the new one is signed with the
 * interconnection key and carries serial numbers (koogallery.md 1.1–1.5), the old one with AK/SK, without (1.6).
 */
export const PUSHES = ["new", "old"] as const;
export type Push = (typeof PUSHES)[number];

/** An access key of the API gateway, for the order query and the old push. */
export interface AccessKey {
  ak: string;
  sk: Secret;
}

/** The settings of AK and SK, shared with the order query. */
export const ACCESS_KEY_SETTINGS = ["ORDER_AK", "ORDER_SK"] as const;
type AccessKeyTexts = Partial<Record<(typeof ACCESS_KEY_SETTINGS)[number], string | undefined>>;

const AK: Text = {
  en: "the access key of the seller's account: 1 to 128 letters, digits, - and _",
  zh: "商家账号的访问密钥 AK：1 至 128 个字母、数字、- 或 _",
};
const SK: Text = {
  en: "the secret key that belongs to ORDER_AK, without blanks or line ends around it",
  zh: "与 ORDER_AK 对应的 SK，首尾不含空白或换行",
};
const forOld = ({ en, zh }: Text): Text => ({
  en: `${en} (MARKETPLACE_PUSH=old is signed by it)`,
  zh: `${zh}（MARKETPLACE_PUSH=old 用它签名）`,
});

/** Reads the pair of ORDER_AK and ORDER_SK; both or none. @param isPushed whether the old push needs it */
export function readAccessKey(
  { ORDER_AK: ak, ORDER_SK: sk }: AccessKeyTexts,
  isPushed = false,
): ReadSetting<AccessKey | undefined> {
  if (ak === undefined && sk === undefined && !isPushed) return { ok: true, value: undefined };
  const told = isPushed ? forOld : (right: Text) => right;
  if (ak === undefined || !/^[\w-]{1,128}$/.test(ak))
    return wrongSetting("ORDER_AK", ak === undefined ? "" : JSON.stringify(ak), told(AK));
  if (sk === undefined || /^\s|\s$/.test(sk))
    return wrongSetting("ORDER_SK", sk === undefined ? "" : "(hidden)", told(SK));
  return { ok: true, value: { ak, sk: secret(sk) } };
}

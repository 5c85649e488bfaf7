import type { Text } from "@quarterpast/domain";
import type { KeySource } from "../keyring.js";
import { secret, type Secret } from "../secret.js";
import { MarketplaceSettingError } from "../settingError.js";
import type { KooGallerySettings } from "./adapter.js";
import { createNewPush } from "./newPush.js";
import { createOldPush } from "./oldPush.js";
import type { Push } from "./push.js";
import type { Ways } from "./way.js";

/** Which settings hold what signs each push. */
export const KEY_SETTINGS_TOLD: Record<Push, Text> = {
  new: {
    en: "MARKETPLACE_KEY to the interconnection key of the seller center",
    zh: "将 MARKETPLACE_KEY 设为卖家中心的商家对接密钥",
  },
  old: {
    en: "ORDER_AK and ORDER_SK to the access key of the seller's account",
    zh: "将 ORDER_AK 和 ORDER_SK 设为商家账号的访问密钥",
  },
};

/**
 * Both pushes, and the one that was chosen.
 * @throws MarketplaceSettingError for an unknown one, or one without its key
 */
export function waysOf({ key, nonce, push = "new", accessKey = () => undefined }: KooGallerySettings): Ways {
  const ways = { new: createNewPush(keyOf(key), nonce), old: createOldPush(accessKey) };
  if (!Object.hasOwn(ways, push))
    throw new MarketplaceSettingError("push", push, { en: "one of new, old", zh: "new、old 之一" });
  if (!ways[push].isReady()) {
    const right = { en: "AK and SK: the old push is signed by them", zh: "AK 和 SK：旧推送接口用其签名" };
    throw new MarketplaceSettingError("accessKey", "", right);
  }
  const all = Object.values(ways).map((way) => [way.wireVersion, way] as const);
  return { chosen: ways[push], byVersion: new Map(all) };
}

function keyOf(key: string | Secret | KeySource): KeySource {
  if (typeof key === "function") return key;
  const wrapped = typeof key === "string" ? secret(key) : key;
  // A key with blanks around it was pasted with its line end: it would sign wrongly.
  if (wrapped.reveal() !== "" && wrapped.reveal() === wrapped.reveal().trim())
    return () => ({ key: wrapped, isOwn: false });
  throw new MarketplaceSettingError("key", wrapped.reveal() === "" ? "" : "(hidden)", {
    en: "the seller's interconnection key, without blanks or line ends around it",
    zh: "商家对接密钥，首尾不含空白或换行",
  });
}

import { settingRows, type SettingRow } from "@quarterpast/runtime";
import { ACCESS_KEY_SETTINGS } from "./push.js";
import { sideSettings } from "./storefront/side.js";

const HOST = {
  en: "a host name, or a URL that begins with https://",
  zh: "主机名，或以 https:// 开头的网址",
};
const KEY = { en: "a key", zh: "密钥" };
const optional = { default: undefined, isRequired: false };

/** KooGallery's settings and secrets of an account, for people. */
export const kooGallerySettingRows: readonly SettingRow[] = [
  {
    ...{ ...optional, name: "MARKETPLACE_KEY", right: KEY },
    meaning: {
      en: "the seller's interconnection key, a secret; it or `MARKETPLACE_KEYS` must be set if calls are signed or checked",
      zh: "商家对接密钥；签名或验签的服务必须设置它或 `MARKETPLACE_KEYS`（机密）",
    },
  },
  {
    ...{ ...optional, name: "MARKETPLACE_KEYS" },
    right: { en: "lines of KEY, or of PRODUCT_ID KEY", zh: "每行为“密钥”或“商品ID 密钥”" },
    meaning: {
      en: "several keys, of the account and of products ([keys](services/storefront/README.md#keys)); a secret",
      zh: "账号与各商品的多个密钥（[说明](services/storefront/README.zh-CN.md#密钥)，机密）",
    },
  },
  {
    ...{ name: "MARKETPLACE_URL", right: HOST, ...optional },
    meaning: {
      en: "in place of the site's address: a sandbox or a gateway; plain http for loopback only",
      zh: "代替站点地址：沙箱或网关；仅本机回环地址可用 http",
    },
  },
  {
    ...{ name: "MARKETPLACE_FALLBACK_HOSTS", ...optional },
    right: { en: "host names or base URLs, separated by commas", zh: "主机名或网址，以逗号分隔" },
    meaning: {
      en: "in place of the site's fallback list; empty if `MARKETPLACE_URL` is set",
      zh: "代替站点的备用地址列表；设置 `MARKETPLACE_URL` 时默认为空",
    },
  },
  {
    ...{ name: "MARKETPLACE_STATEMENT_PATH", ...optional },
    right: { en: "a path", zh: "路径" },
    meaning: {
      en: "where a list of records can be requested: `/sandbox/sdr` with the sandbox; KooGallery itself has none",
      zh: "查询话单列表的路径：沙箱为 `/sandbox/sdr`；云商店本身没有此接口",
    },
  },
  {
    ...{ name: "MARKETPLACE_PUSH", default: "new", isRequired: false },
    right: { en: "one of new, old", zh: "new、old 之一" },
    meaning: {
      en: "the usage push that records are frozen for ([the old push](services/reporter/README.md#the-old-push))",
      zh: "话单冻结时选用的用量推送接口（[旧接口](services/reporter/README.zh-CN.md#旧版推送)没有话单唯一标识，结果未知的话单须等话单清单判明）",
    },
  },
  ...ACCESS_KEY_SETTINGS.map((name) => ({
    ...{ ...optional, name, right: KEY },
    meaning: {
      en: "access key of the order query and the old push; `ORDER_AK` and `ORDER_SK` are set together; secrets",
      zh: "订单查询与旧版推送的访问密钥，`ORDER_AK` 与 `ORDER_SK` 须同时设置（机密）",
    },
  })),
  ...settingRows(sideSettings),
];

import type { SettingRow } from "@quarterpast/runtime";
import { marketplaceNames } from "../registry.js";
import { DEFAULT_CODE } from "./read.js";

const optional = { default: undefined, isRequired: false };

/** Where a process takes its accounts from: what `readAccounts` reads. */
export const accountSettingRows = (): SettingRow[] => [
  {
    ...{ name: "ACCOUNTS_FILE", ...optional },
    right: { en: "the path of a YAML file", zh: "YAML 文件的路径" },
    meaning: {
      en: "declares several accounts, in place of the settings below",
      zh: "声明多个账号，代替下面各项",
    },
  },
  {
    ...{ name: "ACCOUNTS", ...optional },
    right: { en: "codes of declared accounts, separated by commas", zh: "已声明账号的代码，以逗号分隔" },
    meaning: {
      en: "the accounts that this process handles; all if absent",
      zh: "本进程负责的账号；不设置则为全部",
    },
  },
  {
    ...{ name: "SANDBOX_URL", ...optional },
    right: { en: "an http or https address", zh: "http 或 https 地址" },
    meaning: {
      en: "the sandbox, for an account that the file gives `sandbox: true`; `quarterpast up` sets it",
      zh: "沙箱地址，用于文件中标有 `sandbox: true` 的账号；`quarterpast up` 会设置",
    },
  },
  {
    ...{ name: "SANDBOX_KEY", ...optional },
    right: { en: "the sandbox's key", zh: "沙箱密钥" },
    meaning: { en: "signs what goes to the sandbox", zh: "用于沙箱的签名" },
  },
  {
    ...{ name: "ACCOUNT", default: DEFAULT_CODE, isRequired: false },
    right: { en: "1 to 64 letters, digits and . _ -", zh: "1 至 64 个字母、数字和 . _ -" },
    meaning: {
      en: "code of the one account; it never changes once it has a record",
      zh: "唯一账号的代码；有话单之后不可更改",
    },
  },
  {
    ...{ name: "MARKETPLACE", default: marketplaceNames()[0], isRequired: false },
    right: { en: `one of ${marketplaceNames().join(", ")}`, zh: `${marketplaceNames().join("、")} 之一` },
    meaning: { en: "its marketplace", zh: "账号所在的云商店" },
  },
  {
    ...{ name: "MARKETPLACE_SITE", ...optional },
    right: { en: "a site of the marketplace", zh: "该云商店的站点" },
    meaning: {
      en: "its site; the marketplace's first unless it is set",
      zh: "站点；默认为该云商店的第一个站点",
    },
  },
];

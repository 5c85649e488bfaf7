import type { LiveKey } from "@quarterpast/store";
import { refusal } from "./refuse.js";

/** Whether a key may see an account; a key limited to accounts sees nothing of others. */
export function mayBeSeen({ accounts }: Pick<LiveKey, "accounts">, code: string): boolean {
  return accounts === null || accounts.includes(code);
}

/**
 * The account that a request is about: the one it names, or the only one that its key may see.
 * @throws a refusal if it names an invisible one, or must name one
 */
export function accountOf(
  key: Pick<LiveKey, "accounts">,
  named: string | undefined,
  codes: readonly string[],
): string {
  const [only, other] = accountsOf(key, named, codes);
  if (other === undefined) return only;
  const visible = codes.filter((code) => mayBeSeen(key, code));
  throw refusal(
    "field_missing",
    {
      en: `account is missing: give one of ${visible.join(", ")} (on the command line QUARTERPAST_ACCOUNT)`,
      zh: `缺少 account：应为 ${visible.join("、")} 之一（命令行请设置 QUARTERPAST_ACCOUNT）`,
    },
    { field: "account" },
  );
}

/**
 * The accounts that a request shows: the one it names, or all that its key may see.
 * @throws a refusal if it names one that its key may not see, or may see none
 */
export function accountsOf(
  key: Pick<LiveKey, "accounts">,
  named: string | undefined,
  codes: readonly string[],
): [string, ...string[]] {
  const visible = codes.filter((code) => mayBeSeen(key, code));
  const [first, ...rest] = visible;
  if (first === undefined) {
    throw refusal("forbidden", {
      en: "This key is limited to accounts that are not served here",
      zh: "该密钥所限的账号不在此处服务",
    });
  }
  if (named === undefined) return [first, ...rest];
  if (visible.includes(named)) return [named];
  const right = { en: visible.join(", "), zh: visible.join("、") };
  throw refusal(
    "not_found",
    {
      en: `There is no account ${named}: give one of ${right.en}`,
      zh: `没有账号 ${named}：应为 ${right.zh} 之一`,
    },
    { field: "account" },
  );
}

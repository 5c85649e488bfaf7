import type { Text } from "@quarterpast/domain";
import { parseDocument } from "yaml";
import { z } from "zod";
import { marketplaceNames, marketplaceOf } from "../registry.js";
import { STOREFRONT_SECRETS, STOREFRONT_SETTINGS } from "./storefront.js";

// yaml: maintained, no dependencies, reports the position of errors; people write and read the file of accounts.

/** Where a secret is; its text is never in the file of accounts. */
export type SecretReference = { file: string } | { env: string };

/** One account as declared in the file, with texts of settings by the names of their environment variables. */
export interface FiledAccount {
  code: string;
  marketplace: string;
  site: string;
  settings: Readonly<Record<string, string>>;
  secrets: Readonly<Record<string, SecretReference>>;
  /** Whether it files with the sandbox that runs beside the services. */
  sandbox: boolean;
}

/** One error: its account (by code, or position in the file), its field, and what would be right. */
export interface AccountProblem {
  account: string;
  name: string;
  value: string;
  right: Text;
}

const HIDDEN = "(hidden)";

const CODE: Text = {
  en: "1 to 64 letters, digits and . _ -, beginning with a letter or digit; it never changes",
  zh: "1 至 64 个字母、数字和 . _ -，以字母或数字开头；不可更改",
};
const SETTINGS: Text = {
  en: "settings by name, each a text or a number",
  zh: "按名称列出的设置，值为文本或数字",
};
const SANDBOX: Text = {
  en: "true for one account that files with the sandbox, or left out",
  zh: "使用沙箱的唯一账号填 true，其他账号不填",
};
const SECRETS: Text = {
  en: "secrets by name, each { file: PATH } or { env: NAME }",
  zh: "按名称列出的密钥，每个为 { file: 路径 } 或 { env: 变量名 }",
};
const LIST: Text = {
  en: "accounts: a list of { code, marketplace, site, settings, secrets }",
  zh: "accounts：由 { code, marketplace, site, settings, secrets } 组成的列表",
};

const filed = z.strictObject({
  code: z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/),
  marketplace: z.string().refine((name) => marketplaceNames().includes(name)),
  site: z.string().optional(),
  settings: z.record(z.string(), z.union([z.string().min(1), z.number(), z.boolean()])).default({}),
  secrets: z
    .record(
      z.string(),
      z.union([z.strictObject({ file: z.string().min(1) }), z.strictObject({ env: z.string().min(1) })]),
    )
    .default({}),
  sandbox: z.literal(true).optional(),
});
const whole = z.strictObject({ accounts: z.array(z.unknown()).min(1) });

const FIELDS = "code, marketplace, site, settings, secrets, sandbox";

/** Parses a file of accounts: the accounts in it, and all its errors. */
export function readAccountsFile(text: string): { accounts: FiledAccount[]; problems: AccountProblem[] } {
  const document = parseDocument(text, { prettyErrors: true });
  const [broken] = document.errors;
  if (broken) return { accounts: [], problems: [ofFile(broken.message.split("\n")[0]!.slice(0, 200))] };
  const parsed = whole.safeParse(document.toJS());
  if (!parsed.success) return { accounts: [], problems: [ofFile("")] };
  const accounts: FiledAccount[] = [];
  const problems: AccountProblem[] = [];
  for (const [at, raw] of parsed.data.accounts.entries()) {
    const read = readAccount(raw, at, accounts);
    problems.push(...read.problems);
    if (read.account) accounts.push(read.account);
  }
  return { accounts, problems };
}

const ofFile = (value: string): AccountProblem => ({ account: "", name: "accounts", value, right: LIST });

function readAccount(
  raw: unknown,
  at: number,
  before: readonly FiledAccount[],
): { account?: FiledAccount; problems: AccountProblem[] } {
  const named = (raw as { code?: unknown } | null)?.code;
  const account = typeof named === "string" && named !== "" ? named : `#${at + 1}`;
  const problem = (name: string, value: unknown, right: Text): AccountProblem => ({
    account,
    name,
    value: value === undefined || value === HIDDEN ? (value ?? "") : JSON.stringify(value).slice(0, 80),
    right,
  });
  const parsed = filed.safeParse(raw);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => describe(issue, raw));
    return { problems: issues.map(({ name, value, right }) => problem(name, value, right)) };
  }
  const { code, marketplace, site, settings, secrets, sandbox = false } = parsed.data;
  const { sites, ...names } = marketplaceOf(marketplace);
  const problems = [
    ...(before.some((one) => one.code === code)
      ? [problem("code", code, { en: "each code once", zh: "每个代码只出现一次" })]
      : []),
    ...(sandbox && before.some((one) => one.sandbox) ? [problem("sandbox", true, SANDBOX)] : []),
    ...(site === undefined || sites.includes(site) ? [] : [problem("site", site, oneOf(sites))]),
    ...wrongNames(
      settings,
      [...names.settings, ...STOREFRONT_SETTINGS],
      [...names.secrets, ...STOREFRONT_SECRETS],
    ).map(({ name, right }) => problem(name, HIDDEN, right)),
    ...unknownNames(secrets, [...names.secrets, ...STOREFRONT_SECRETS]).map(({ name, right }) =>
      problem(name, "", right),
    ),
  ];
  if (problems.length > 0) return { problems };
  const texts = Object.entries(settings).map(([name, value]) => [name, String(value)] as const);
  const settled = {
    ...{ code, marketplace, site: site ?? sites[0], sandbox },
    secrets: secrets as FiledAccount["secrets"],
  };
  return { account: { ...settled, settings: Object.fromEntries(texts) }, problems };
}

/** What a field should be, by its path; a value that may be a secret is not shown. */
function describe(issue: z.core.$ZodIssue, raw: unknown): { name: string; value: unknown; right: Text } {
  const [field, name] = issue.path.map(String);
  if (field === undefined) {
    const unknown = issue.code === "unrecognized_keys" ? issue.keys.join(", ") : "";
    return {
      name: unknown || "account",
      value: undefined,
      right: { en: `one of ${FIELDS}`, zh: `${FIELDS} 之一` },
    };
  }
  const value = (raw as Record<string, unknown>)[field];
  switch (field) {
    case "code":
      return { name: "code", value, right: CODE };
    case "marketplace":
      return { name: "marketplace", value, right: oneOf(marketplaceNames()) };
    case "site":
      return { name: "site", value, right: { en: "a site of the marketplace", zh: "该云商店的站点" } };
    case "sandbox":
      return { name: "sandbox", value, right: SANDBOX };
    case "settings":
      return { name: `settings.${name ?? ""}`.replace(/\.$/, ""), value: HIDDEN, right: SETTINGS };
    default:
      return { name: `secrets.${name ?? ""}`.replace(/\.$/, ""), value: HIDDEN, right: SECRETS };
  }
}

const oneOf = (words: readonly string[]): Text => ({
  en: `one of ${words.join(", ")}`,
  zh: `${words.join("、")} 之一`,
});

/** Settings with unknown names, including secrets. */
function wrongNames(
  given: Readonly<Record<string, unknown>>,
  settings: readonly string[],
  secrets: readonly string[],
): { name: string; right: Text }[] {
  return Object.keys(given).flatMap((name) => {
    if (settings.includes(name)) return [];
    if (!secrets.includes(name)) return [{ name: `settings.${name}`, right: oneOf(settings) }];
    const right = {
      en: `no text of a secret here: write secrets: { ${name}: { file: PATH } } or { env: NAME }`,
      zh: `此处不可写入密钥内容：请写 secrets: { ${name}: { file: 路径 } } 或 { env: 变量名 }`,
    };
    return [{ name: `settings.${name}`, right }];
  });
}

function unknownNames(
  given: Readonly<Record<string, unknown>>,
  secrets: readonly string[],
): { name: string; right: Text }[] {
  return Object.keys(given).flatMap((name) =>
    secrets.includes(name) ? [] : [{ name: `secrets.${name}`, right: oneOf(secrets) }],
  );
}

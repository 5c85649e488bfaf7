import type { Text } from "@quarterpast/domain";
import { wrongSetting, type ReadSetting } from "../readSetting.js";
import { secret, type Secret } from "../secret.js";

/** The valid interconnection keys, the signing one first. */
export interface Keyring {
  /** The account's keys; at least one. */
  account: readonly string[];
  /** By product, for products whose production address has its own keys. */
  products: ReadonlyMap<string, readonly string[]>;
}

/** The settings that make up a keyring, in this order. */
export const KEY_SETTINGS = ["MARKETPLACE_KEYS", "MARKETPLACE_KEY"] as const;
type KeyTexts = Partial<Record<(typeof KEY_SETTINGS)[number], string | undefined>>;

const LINE: Text = {
  en: "lines of KEY, or of PRODUCT_ID KEY, the one that signs first; # begins a comment",
  zh: "每行为“密钥”或“商品ID 密钥”，用于签名的在前；# 开头为注释",
};

/**
 * Reads the keys. MARKETPLACE_KEYS has one entry per line (or separated by commas): `KEY` is a key of the account,
 * `PRODUCT_ID KEY` one of a product. MARKETPLACE_KEY is one more of the account, after those.
 */
export function readKeyring({ MARKETPLACE_KEYS = "", MARKETPLACE_KEY = "" }: KeyTexts): ReadSetting<Keyring> {
  const account = new Set<string>();
  const products = new Map<string, Set<string>>();
  for (const [index, line] of MARKETPLACE_KEYS.split(/\r\n|\r|\n/).entries()) {
    for (const entry of line.replace(/^\s*#.*$/, "").split(",")) {
      const words = entry.trim().split(/\s+/).filter(Boolean);
      if (words.length === 0) continue;
      if (words.length > 2) return wrongSetting("MARKETPLACE_KEYS", `(hidden; line ${index + 1})`, LINE);
      const [key, product] = words.reverse() as [string, string?];
      if (product === undefined) account.add(key);
      else products.set(product, (products.get(product) ?? new Set()).add(key));
    }
  }
  if (MARKETPLACE_KEY !== "") {
    // A key surrounded by blanks was pasted with its line end and would produce wrong signatures.
    if (/^\s|\s$/.test(MARKETPLACE_KEY)) return wrongSetting("MARKETPLACE_KEY", "(hidden)", ONE_KEY);
    account.add(MARKETPLACE_KEY);
  }
  if (account.size === 0) return wrongSetting("MARKETPLACE_KEY", "", ONE_KEY);
  const ofProducts = new Map([...products].map(([product, keys]) => [product, [...keys]]));
  return { ok: true, value: { account: [...account], products: ofProducts } };
}

const ONE_KEY: Text = {
  en: "the account's interconnection key, without blanks or line ends around it, here or in MARKETPLACE_KEYS",
  zh: "账号的商家对接密钥，首尾不含空白或换行；也可写入 MARKETPLACE_KEYS",
};

/** Every valid key, the account's first. */
export function allKeys({ account, products }: Keyring): string[] {
  return [...new Set([...account, ...[...products.values()].flat()])];
}

/** Whether a key is valid for a product: one of its own, or of the account. */
export function holdsFor({ account, products }: Keyring, key: string, product: string): boolean {
  return account.includes(key) || (products.get(product)?.includes(key) ?? false);
}

/** The key that signs records of a product, and whether it is the product's own (koogallery.md 1.3). */
export interface SigningKey {
  key: Secret;
  isOwn: boolean;
}

/** Returns the key that signs now; without a product, the account's. */
export type KeySource = (product: string | undefined) => SigningKey;

/** Signs with the first key of the product if it has one, else with the account's first. */
export function keySource(ring: () => Keyring): KeySource {
  return (product) => {
    const { account, products } = ring();
    const own = product === undefined ? undefined : products.get(product)?.[0];
    return { key: secret(own ?? account[0]!), isOwn: own !== undefined };
  };
}

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOUR } from "@quarterpast/domain";
import { createLogger, settingsErrorOf } from "@quarterpast/runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { followSecrets, readAccounts } from "../src/accounts/read.js";

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "quarterpast-accounts-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const logger = createLogger({ service: "test", level: "silent" });

/** Reads a file with this text. */
function read(text: string, env: NodeJS.ProcessEnv = {}) {
  const file = join(dir, "accounts.yaml");
  writeFileSync(file, text);
  return readAccounts({ ACCOUNTS_FILE: file, ...env });
}

/** The error lines, in English and Chinese. */
function wrongOf(work: () => unknown): { en: string[]; zh: string[] } {
  try {
    work();
  } catch (error) {
    const wrong = settingsErrorOf(error);
    if (wrong) return { en: wrong.lines("en"), zh: wrong.lines("zh") };
    throw error;
  }
  throw new Error("nothing was wrong");
}

const TWO = `accounts:
  - code: cn
    marketplace: koogallery
    site: cn
    secrets: { MARKETPLACE_KEY: { file: cn-key } }
  - code: intl
    marketplace: koogallery
    site: intl
    settings: { MARKETPLACE_URL: "https://gateway.example/kg" }
    secrets: { MARKETPLACE_KEY: { env: INTL_KEY } }
`;

describe("a file of accounts", () => {
  test("declares several, each with settings and secrets of its own", () => {
    writeFileSync(join(dir, "cn-key"), "key of cn\n");
    const accounts = read(TWO, { INTL_KEY: "key of intl" });
    expect(accounts.map(({ code, site, address, dayOffset }) => [code, site, address, dayOffset])).toEqual([
      ["cn", "cn", "mkt.myhuaweicloud.com", 8 * HOUR],
      ["intl", "intl", "gateway.example", 0],
    ]);
    const keys = accounts.map((account) => {
      const secrets = followSecrets(account, { logger });
      secrets.stop();
      return (secrets.value() as { keyring: { account: string[] } }).keyring.account;
    });
    expect(keys).toEqual([["key of cn"], ["key of intl"]]);
  });

  test("is taken whole, or by the codes of ACCOUNTS; a code that it lacks is refused", () => {
    const taken = (ACCOUNTS: string) => read(TWO, { ACCOUNTS }).map(({ code }) => code);
    expect(taken("")).toEqual(["cn", "intl"]);
    expect(taken("intl")).toEqual(["intl"]);
    expect(wrongOf(() => taken("cn,usa")).en).toEqual([
      "setting ACCOUNTS is cn,usa; expected: codes of declared accounts, separated by commas: cn, intl",
    ]);
  });

  test("never holds a secret: where one stands, it is refused, unseen, with what to write", () => {
    const { en, zh } = wrongOf(() =>
      read("accounts: [{ code: cn, marketplace: koogallery, settings: { MARKETPLACE_KEY: s3cret } }]"),
    );
    expect(en).toEqual([
      "account cn: settings.MARKETPLACE_KEY is (hidden); expected: no text of a secret here: write secrets: { MARKETPLACE_KEY: { file: PATH } } or { env: NAME }",
    ]);
    expect(zh[0]).toMatch(/^账号 cn 的 settings.MARKETPLACE_KEY 现为 \(hidden\)，应为：此处不可写入密钥内容/);
    expect(JSON.stringify([en, zh])).not.toContain("s3cret");
  });

  test("has one account file with the sandbox, where there is one", () => {
    const text = "accounts: [{ code: cn, marketplace: koogallery, sandbox: true }]";
    const at = { SANDBOX_URL: "http://127.0.0.1:7413", SANDBOX_KEY: "key" };
    const [account] = read(text, at);
    expect(account).toMatchObject({ sandbox: true, address: "loopback" });
    expect(account!.settings).toMatchObject({ MARKETPLACE_URL: "http://127.0.0.1:7413" });
    const secrets = followSecrets(account!, { logger });
    secrets.stop();
    expect((secrets.value() as { keyring: { account: string[] } }).keyring.account).toEqual(["key"]);
    const { en, zh } = wrongOf(() => read(text));
    expect(en).toEqual([
      expect.stringMatching(/^account cn: sandbox is true; expected: left out where no sandbox/),
    ]);
    expect(zh).toEqual([
      expect.stringMatching(/^账号 cn 的 sandbox 现为 true，应为：没有该云商店的沙箱时不填/),
    ]);
  });

  test.each([
    [
      "accounts: [{ code: a, marketplace: koogallery, sandbox: true }, { code: b, marketplace: koogallery, sandbox: true }]",
      "account b: sandbox is true; expected: true for one account",
    ],
    [
      'accounts: [{ code: a, marketplace: koogallery, sandbox: "no" }]',
      'account a: sandbox is "no"; expected: true for one account',
    ],
    [
      "accounts: [{ code: cn, marketplace: kiosk }]",
      'account cn: marketplace is "kiosk"; expected: one of koogallery',
    ],
    [
      "accounts: [{ code: cn, marketplace: koogallery, site: mars }]",
      'account cn: site is "mars"; expected: one of cn, intl',
    ],
    ["accounts: [{ marketplace: koogallery }]", "account #1: code is (not set); expected: 1 to 64 letters"],
    [
      "accounts: [{ code: cn, marketplace: koogallery, colour: red }]",
      "account cn: colour is (not set); expected: one of code",
    ],
    [
      "accounts: [{ code: cn, marketplace: koogallery, settings: { MARKETPLACE_URI: x } }]",
      "account cn: settings.MARKETPLACE_URI is (hidden); expected: one of MARKETPLACE_URL",
    ],
    [
      "accounts: [{ code: cn, marketplace: koogallery, settings: { MARKETPLACE_PUSH: x } }]",
      "account cn: MARKETPLACE_PUSH is x; expected: one of new, old",
    ],
    [
      "accounts: [{ code: cn, marketplace: koogallery, secrets: { MARKETPLACE_KEY: s3cret } }]",
      "account cn: secrets.MARKETPLACE_KEY is (hidden); expected: secrets by name",
    ],
    [
      "accounts: [{ code: a, marketplace: koogallery }, { code: a, marketplace: koogallery }]",
      'account a: code is "a"; expected: each code once',
    ],
    ["accounts: {}", "setting accounts is (not set); expected: accounts: a list of"],
    ["accounts: [", "setting accounts is "],
  ])("%s is refused, with account, field and what would be right", (text, line) => {
    expect(wrongOf(() => read(text)).en[0]!.startsWith(line), wrongOf(() => read(text)).en[0]).toBe(true);
  });

  test("and the environment do not both declare accounts", () => {
    expect(wrongOf(() => read(TWO, { ACCOUNT: "cn" })).en).toEqual([
      "setting ACCOUNT is (…); expected: unset, because ACCOUNTS_FILE declares the accounts",
    ]);
  });

  test("may name variables that only the process which needs them has", () => {
    const [, intl] = read(TWO);
    expect(wrongOf(() => followSecrets(intl!, { logger })).en).toEqual([
      "account intl: secrets.MARKETPLACE_KEY is env INTL_KEY; expected: a variable that is set and not empty",
    ]);
  });
});

test("without a file the environment declares one account, as ever", () => {
  const [account] = readAccounts({ MARKETPLACE_URL: "http://127.0.0.1:8790" });
  expect(account).toMatchObject({
    code: "koogallery-cn",
    marketplace: "koogallery",
    site: "cn",
    address: "loopback",
  });
});

import type { DeclaredAccount } from "@quarterpast/marketplace";
import { describe, expect, it } from "vitest";
import { StackError } from "../src/errors.js";
import { readOptions, type UpFlags } from "../src/up/options.js";
import { checkSecrets, readUpSettings } from "../src/up/settings.js";

function refusalOf(act: () => unknown): StackError {
  try {
    act();
  } catch (error) {
    return error as StackError;
  }
  throw new Error("it was not refused");
}

const WRONG: [string, UpFlags, RegExp][] = [
  [
    "a port that is no number",
    { portBase: "http" },
    /^--port-base http: must be a whole number from 1 to 65528/,
  ],
  ["ports beyond the last", { portBase: "65529" }, /^--port-base 65529/],
  [
    "a time without a zone",
    { clockStart: "2026-01-31 18:15:00" },
    /with a zone, such as 2026-01-31T18:15:00Z/,
  ],
  ["no time at all", { clockStart: "yesterday" }, /^--clock-start yesterday/],
  ["a clock that stands", { clockRate: "0" }, /^--clock-rate 0: must be a number above 0/],
  ["a clock too fast to follow", { clockRate: "3601" }, /up to 3600/],
  ["--once alone", { once: true }, /--sample --once/],
  ["an empty data directory", { dataDir: " " }, /name a folder/],
  [
    "plain http elsewhere",
    { marketplaceUrl: "http://example.com", marketplaceKey: "k" },
    /must be an https URL/,
  ],
  [
    "made-up time for a real marketplace",
    { marketplaceUrl: "https://example.com", marketplaceKey: "k", clockRate: "60" },
    /told real hours only/,
  ],
  ["a marketplace without its key", { marketplaceUrl: "https://example.com" }, /MARKETPLACE_KEY_FILE/],
  [
    "made-up usage for a real marketplace",
    { sample: true, marketplaceUrl: "https://example.com", marketplaceKey: "k" },
    /leave out --marketplace-url/,
  ],
];

describe("what can be typed wrong", () => {
  it.each(WRONG)("%s ends in one line and 2", (_, flags, line) => {
    const refused = refusalOf(() => readOptions(flags));
    expect(refused).toBeInstanceOf(StackError);
    expect(refused.code).toBe("usage");
    expect(refused.text.en).toMatch(line);
    expect(refused.text.en + refused.text.zh).not.toContain("\n");
    expect(refused.text.zh).toMatch(/\p{Script=Han}/u);
  });

  it("a password in an address is not shown", () => {
    const refused = refusalOf(() =>
      readOptions({ marketplaceUrl: "https://me:secret@example.com?token=t1" }),
    );
    expect(refused.text.en + refused.text.zh).not.toMatch(/secret|t1/);
  });

  it("settings that cannot be used are all named, with 78", () => {
    const refused = refusalOf(() => readUpSettings({ DATABASE_URL: "mysql://x", LOG_LEVEL: "loud" }));
    expect(refused.code).toBe("settings");
    expect(refused.text.en).toMatch(/DATABASE_URL/);
    expect(refused.text.en).toMatch(/LOG_LEVEL/);
    const site = refusalOf(() => readUpSettings({ MARKETPLACE_SITE: "moon" }));
    expect(site.text.en).toMatch(/MARKETPLACE_SITE .* one of cn, intl/);
  });

  it("the old push needs its access key, and there is no third push; both are reported in both languages", () => {
    const third = refusalOf(() => readUpSettings({ MARKETPLACE_PUSH: "v1" }));
    expect([third.code, third.text.en]).toEqual(["settings", expect.stringContaining("one of new, old")]);
    const settings = readUpSettings({ MARKETPLACE_PUSH: "old" });
    const keyless = refusalOf(() => checkSecrets(settings, { MARKETPLACE_KEY: "k", ORDER_AK: "AK1" }));
    expect([keyless.code, keyless.text.en, keyless.text.zh]).toEqual([
      "settings",
      expect.stringMatching(/^setting ORDER_SK is \(not set\)/),
      expect.stringMatching(/^设置 ORDER_SK 现为/),
    ]);
    checkSecrets(settings, { MARKETPLACE_KEY: "k", ORDER_AK: "AK1", ORDER_SK: "sk" });
  });
});

describe("beside a file of accounts", () => {
  const accounts = [
    { code: "cn", sandbox: true, address: "loopback" },
    { code: "intl", sandbox: false, address: "mkt-intl.myhuaweicloud.com" },
  ] as unknown as DeclaredAccount[];
  const filed = { isFiled: true, accounts };

  it("the sandbox runs if an account files with it", () => {
    expect(readOptions({}, filed).hasSandbox).toBe(true);
    expect(readOptions({}, { isFiled: true, accounts: accounts.slice(1) }).hasSandbox).toBe(false);
    expect(
      readOptions({ clockRate: "60" }, { isFiled: true, accounts: accounts.slice(0, 1) }).clockRate,
    ).toBe(60);
  });

  it.each<[string, UpFlags, RegExp]>([
    ["the sample", { sample: true }, /--sample .* unset ACCOUNTS_FILE/],
    [
      "another marketplace",
      { marketplaceUrl: "http://127.0.0.1:1" },
      /ACCOUNTS_FILE says where each account files/,
    ],
    ["made-up time for a real one", { clockRate: "60" }, /told real hours only: .* account intl$/],
  ])("%s ends in one line and 2", (_, flags, line) => {
    const refused = refusalOf(() => readOptions(flags, filed));
    expect([refused.code, refused.text.en]).toEqual(["usage", expect.stringMatching(line)]);
    expect(refused.text.zh).toMatch(/\p{Script=Han}/u);
  });
});

it("takes loopback over plain http, and defaults for the rest", () => {
  const options = readOptions({ marketplaceUrl: "http://127.0.0.1:9000", marketplaceKey: "k" });
  expect(options).toMatchObject({ dataDir: ".quarterpast", portBase: 7410, sample: false, once: false });
  expect(options.clockStart).toBeUndefined();
});

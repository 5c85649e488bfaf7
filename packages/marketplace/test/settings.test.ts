import { inspect } from "node:util";
import { deadlinesOf, HOUR, MINUTE, parseInstant } from "@quarterpast/domain";
import { describe, expect, test } from "vitest";
import { createSkew } from "../src/koogallery/skew.js";
import { RETRY, SITES, WINDOWS } from "../src/koogallery/site.js";
import { retryDelayMs } from "../src/retry.js";
import { clientOf, marketplaceOf, profileOf, readSecrets } from "../src/registry.js";
import { secret } from "../src/secret.js";
import { MarketplaceSettingError } from "../src/settingError.js";

const account = (settings: Record<string, string> = {}, site = "cn", marketplace = "koogallery") => ({
  ...{ code: "a", marketplace, site },
  settings,
});
const openClient = (settings: Record<string, string> = {}) => {
  const declared = account(settings);
  const read = readSecrets(declared, { MARKETPLACE_KEY: "k" });
  return clientOf(declared, () => read.ok && read.value, { now: () => 0, nonce: () => "n" });
};

describe("sites", () => {
  test("China has its fallback, the international site none unless it is given one", () => {
    expect(profileOf(account()).hosts).toEqual({
      primary: "mkt.myhuaweicloud.com",
      fallback: ["mkt.myhuaweicloud.cn"],
    });
    expect(profileOf(account({}, "intl")).hosts).toEqual({
      primary: "mkt-intl.myhuaweicloud.com",
      fallback: [],
    });
    const given = profileOf(
      account({ MARKETPLACE_FALLBACK_HOSTS: "mkt.myhuaweicloud.cn, 127.0.0.1" }, "intl"),
    );
    expect(given.hosts.fallback).toEqual(["mkt.myhuaweicloud.cn", "127.0.0.1"]);
    expect(profileOf(account({ MARKETPLACE_URL: "http://127.0.0.1:1" })).hosts.fallback).toEqual([]);
  });

  test("a statement is offered only where there is a path to one", () => {
    expect(openClient().statement).toBeUndefined();
    expect(openClient({ MARKETPLACE_STATEMENT_PATH: "/sandbox/sdr" }).statement).toBeTypeOf("function");
  });

  test.each([
    ["MARKETPLACE", account({}, "cn", "other")],
    ["MARKETPLACE_SITE", account({}, "eu")],
    ...[
      "http://mkt.myhuaweicloud.com",
      "http://sandbox:8080",
      "http://127.0.0.1.evil.example",
      "ftp://127.0.0.1",
      "https://",
      "https://user:pass-word@host",
    ].map((url) => ["MARKETPLACE_URL", account({ MARKETPLACE_URL: url })] as const),
    ["MARKETPLACE_FALLBACK_HOSTS", account({ MARKETPLACE_FALLBACK_HOSTS: "http://10.0.0.1" })],
    ["MARKETPLACE_FALLBACK_HOSTS", account({ MARKETPLACE_FALLBACK_HOSTS: "mkt.myhuaweicloud.com" })],
  ] as const)("a wrong %s is told in one line: %j", (setting, declared) => {
    const make = () => profileOf(declared);
    expect(make).toThrow(MarketplaceSettingError);
    expect(make).toThrow(new RegExp(`^${setting} is .*; expected: .+$`));
    expect(make).not.toThrow(/pass-word/);
  });

  test.each(["", "abc\n"])("the key %j is reported without being shown", (key) => {
    const read = readSecrets(account(), { MARKETPLACE_KEY: key });
    expect(read).toMatchObject({ ok: false, problem: { name: "MARKETPLACE_KEY" } });
    expect(JSON.stringify(read)).not.toContain("abc");
  });

  test.each(["http://localhost:1", "http://127.0.0.9:1", "http://[::1]:1", "https://example.com/base"])(
    "%s is allowed",
    (url) => expect(() => profileOf(account({ MARKETPLACE_URL: url }))).not.toThrow(),
  );

  test("what a marketplace takes of settings is known by name, secret or not", () => {
    const { settings, secrets } = marketplaceOf("koogallery");
    expect(settings.filter((name) => secrets.includes(name))).toEqual([]);
    expect(secrets).toContain("MARKETPLACE_KEY");
  });
});

test("codes of a call, of a record, of the gateway and of the way there have a meaning; others have none", () => {
  const { meaningOf } = profileOf(account());
  const known = ["CBC. 0102", "MKT.9004", "005", "APIGW.0308", "TIMEOUT"].map((code) => meaningOf(code)?.zh);
  expect(known.every((zh) => zh !== undefined && zh !== "")).toBe(true);
  expect(["MKT.7777", "008", "toString", ""].map(meaningOf)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test("a secret shows itself nowhere but where it is asked for", () => {
  const key = secret("open-sesame");
  expect(
    [
      String(key),
      `${key.toString()}`,
      JSON.stringify({ key }),
      inspect({ key }, { showHidden: true }),
    ].join(),
  ).not.toContain("sesame");
  expect(key.reveal()).toBe("open-sesame");
});

describe("deadlines", () => {
  const hour = parseInstant("2023-11-16T18:00:00Z")!;
  const { dayOffset } = SITES.cn;
  test("of hourly billing: minute 15, then 2 hours, then 21 days", () => {
    expect(deadlinesOf(WINDOWS, { dayOffset, cycle: "hourly", hour, begin: hour })).toEqual({
      windowEnds: hour + HOUR + 15 * MINUTE,
      lateEnds: hour + 3 * HOUR,
      expires: hour + 21 * 24 * HOUR,
    });
  });

  test("of daily billing in China: 00:15 and 01:00 Beijing time of the next day", () => {
    expect(deadlinesOf(WINDOWS, { dayOffset, cycle: "daily", hour, begin: hour })).toMatchObject({
      windowEnds: parseInstant("2023-11-18T00:15:00+08:00"),
      lateEnds: parseInstant("2023-11-18T01:00:00+08:00"),
    });
  });
});

describe("retry delays", () => {
  test("double up to the cap, half of them jitter", () => {
    const { window } = RETRY.backoff;
    const delay = (attempt: number, random: number) => retryDelayMs(RETRY, window, attempt, random);
    expect([1, 2, 3, 20, 5000].map((attempt) => delay(attempt, 0.999999))).toEqual([
      500, 1000, 2000, 15_000, 15_000,
    ]);
    expect(delay(1, 0)).toBe(250);
  });

  test("are never below what the marketplace asks, up to the cap", () => {
    const { window } = RETRY.backoff;
    expect(retryDelayMs(RETRY, window, 1, 0, 60_000)).toBe(60_000);
    expect(retryDelayMs(RETRY, window, 1, 0, 1e12)).toBe(RETRY.retryAfterCapMs);
    expect(retryDelayMs(RETRY, window, 20, 0, 1)).toBe(7_500);
  });
});

describe("clock skew", () => {
  const T = Date.UTC(2023, 10, 16, 18);
  const date = (ms: number) => new Date(ms).toUTCString();

  test("within 2 s is ignored, beyond it is learned, and forgotten when our clock is put right", () => {
    const skew = createSkew();
    skew.learn(date(T + 1900), T, T + 10);
    expect(skew.correctionMs()).toBe(0);
    skew.learn(date(T + 60_000), T, T + 10);
    expect(Math.abs(skew.correctionMs() - 60_000)).toBeLessThan(1_000);
    const learned = skew.correctionMs();
    skew.learn(date(T + 60_300), T + 300, T + 310);
    expect(skew.correctionMs()).toBe(learned);
    skew.learn(date(T + 400), T + 400, T + 410);
    expect(skew.correctionMs()).toBe(0);
  });

  test("a slow reply says too little to change what is known", () => {
    const skew = createSkew();
    skew.learn(date(T), T, T + 25_000);
    expect(skew.correctionMs()).toBe(0);
    skew.learn(date(T + 300_000), T, T + 10);
    const learned = skew.correctionMs();
    skew.learn(date(T + 310_000), T, T + 25_000);
    expect(skew.correctionMs()).toBe(learned);
  });

  test.each([undefined, "", "garbage 1", "2023-11-16"])("%j is no date", (header) => {
    const skew = createSkew();
    expect(skew.learn(header, T, T)).toBeUndefined();
    expect(skew.correctionMs()).toBe(0);
  });
});

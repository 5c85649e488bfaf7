import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import {
  booleanSetting,
  durationSetting,
  logLevelSetting,
  portSetting,
  readSettings,
  SettingsError,
  textSetting,
  urlSetting,
} from "../src/settings.js";
import { languageOf } from "../src/text.js";

const dir = mkdtempSync(join(tmpdir(), "settings-"));
afterAll(() => rmSync(dir, { recursive: true }));

const SCHEMA = z.object({
  PORT: portSetting().default(8080),
  DATABASE_URL: urlSetting("postgres", "postgresql"),
  API_KEY: textSetting({ en: "the key", zh: "密钥" }),
  LOG_LEVEL: logLevelSetting().default("info"),
  STRICT: booleanSetting().default(true),
  GRACE: durationSetting().default(500),
  SITE: z.enum(["china", "international"]).optional(),
});

function problemsOf(env: NodeJS.ProcessEnv): SettingsError {
  try {
    readSettings(SCHEMA, env);
  } catch (error) {
    if (error instanceof SettingsError) return error;
  }
  throw new Error("the settings were taken");
}

describe("readSettings", () => {
  it("reads, converts and fills in", () => {
    const settings = readSettings(SCHEMA, {
      PORT: "0",
      DATABASE_URL: "postgres://a:b@h/d",
      API_KEY: "k",
      STRICT: "off",
      GRACE: "2m",
      SITE: "china",
      OTHER: "x",
    });
    expect(settings).toEqual({
      PORT: 0,
      DATABASE_URL: "postgres://a:b@h/d",
      API_KEY: "k",
      LOG_LEVEL: "info",
      STRICT: false,
      GRACE: 120_000,
      SITE: "china",
    });
  });

  it("reports all problems at once, and hides secrets", () => {
    const error = problemsOf({
      PORT: "65536",
      DATABASE_URL: "http://user:hunter2@host/",
      LOG_LEVEL: "loud",
      STRICT: "perhaps",
      GRACE: "5 min",
      SITE: "mars",
    });
    expect(error.problems.map((problem) => problem.name)).toEqual([
      "PORT",
      "DATABASE_URL",
      "API_KEY",
      "LOG_LEVEL",
      "STRICT",
      "GRACE",
      "SITE",
    ]);
    expect(error.message).not.toContain("hunter2");
    expect(error.lines("en")[0]).toBe('setting PORT is "65536"; expected: a whole number from 0 to 65535');
    expect(error.lines("zh")[0]).toBe('设置 PORT 现为 "65536"，应为：0 至 65535 之间的整数');
    expect(error.lines("en")[2]).toBe("setting API_KEY is (not set); expected: the key");
    expect(error.lines("zh")[6]).toMatch(/无效/);
  });

  it("hides the value of a secret that breaks its rule", () => {
    const schema = z.object({ SIGNING_SECRET: z.string().min(32) });
    expect(() => readSettings(schema, { SIGNING_SECRET: "hunter2" })).toThrow(/\(hidden\)/);
  });

  it("takes an empty string as unset", () => {
    const error = problemsOf({ PORT: "", API_KEY: "", DATABASE_URL: "postgres://h/d" });
    expect(error.problems.map((problem) => problem.name)).toEqual(["API_KEY"]);
  });

  it("reads FOO_FILE, without the line end", () => {
    const file = join(dir, "key");
    writeFileSync(file, "from file\r\n");
    const env = { API_KEY_FILE: file, DATABASE_URL: "postgres://h/d" };
    expect(readSettings(SCHEMA, env).API_KEY).toBe("from file");
    expect(problemsOf({ ...env, API_KEY: "k" }).problems).toMatchObject([{ name: "API_KEY_FILE" }]);
    expect(problemsOf({ ...env, API_KEY_FILE: join(dir, "none") }).problems).toMatchObject([
      { name: "API_KEY_FILE", right: { en: "the path of a file this user can read" } },
    ]);
  });
});

it("speaks the language of the terminal", () => {
  expect(languageOf({ LANG: "zh_CN.UTF-8" })).toBe("zh");
  expect(languageOf({ LANG: "zh_CN.UTF-8", QUARTERPAST_LANG: "en" })).toBe("en");
  expect(languageOf({})).toBe("en");
});

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeLanguage, terminalLanguage } from "../src/lang.js";
import { formatTable } from "../src/output.js";
import { findStack, StackError } from "@quarterpast/stack/find";
import { STACK_EXITS } from "../src/stackErrors.js";
import { quarterpast } from "./running.js";

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "quarterpast-usage-"))));
afterAll(() => rm(folder, { recursive: true }));

describe("wrong arguments end with 2 and one line", () => {
  it.each([
    [["nope"], "unknown command 'nope'"],
    [["metres", "list"], "(Did you mean meters?)"],
    [["meters", "add", "x", "--agregation", "sum"], "(Did you mean --aggregation?)"],
    [["meters", "add", "x"], "required option '--aggregation <how>' not specified"],
    [["meters", "add", "x", "--aggregation", "avg"], "Allowed choices are sum, count, max, unique."],
    [["hours", "list", "--limit", "0"], "whole number from 1 to 500"],
    [["records", "show"], "missing required argument 'serial-number'"],
    [["meters", "list", "--lang", "fr"], "give zh or en"],
  ])("%j", async (args, told) => {
    const { code, stdout, stderr } = await quarterpast(args, {}, folder);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(told);
    expect(stderr.match(/\n/g)).toHaveLength(1);
    const chinese = await quarterpast(args, { LANG: "zh_CN.UTF-8" }, folder);
    expect(chinese.code).toBe(2);
    expect(chinese.stderr).toMatch(/\p{Script=Han}/u);
  });

  it("a group without a command shows its help", async () => {
    const { code, stderr } = await quarterpast(["meters"], {}, folder);
    expect({ code, hasHelp: stderr.includes("add [options] <code>") }).toEqual({ code: 2, hasHelp: true });
  });
});

it("help ends with 0, in the language asked for", async () => {
  const english = await quarterpast(["records", "--help"]);
  expect({ code: english.code, stderr: english.stderr }).toEqual({ code: 0, stderr: "" });
  expect(english.stdout).toContain("Commands:");
  expect((await quarterpast(["records", "--help", "--lang=zh"])).stdout).toContain("命令：");
  expect((await quarterpast(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

describe("findStack", () => {
  const fails = async (given: Promise<unknown>) => {
    const error = await given.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(StackError);
    return error as StackError;
  };
  const write = async (name: string, text: string) => {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, "stack.json"), text);
    return join(folder, name);
  };

  it("takes a data directory that was asked for before the environment", async () => {
    const dataDir = await write("good", '{"ready":true,"api":"http://127.0.0.1:1","apiKey":"k1","extra":1}');
    const env = { QUARTERPAST_API_URL: "http://127.0.0.1:2/", QUARTERPAST_API_KEY: "k2" };
    expect(await findStack({ dataDir }, env)).toEqual({
      apiUrl: "http://127.0.0.1:1",
      apiKey: "k1",
      dataDir,
    });
    expect(await findStack({}, env)).toEqual({
      apiUrl: "http://127.0.0.1:2",
      apiKey: "k2",
      dataDir: ".quarterpast",
    });
  });

  it.each([
    ["no file", undefined, 4],
    ["no JSON", "{", 4],
    ["no key", '{"api":"http://127.0.0.1:1"}', 4],
    ["no address", '{"api":"here","apiKey":"k"}', 4],
  ])("says what to do where there is %s", async (name, text, exitCode) => {
    const dataDir = text === undefined ? join(folder, "none") : await write(name, text);
    const error = await fails(findStack({ dataDir }, {}));
    expect(STACK_EXITS[error.code]).toBe(exitCode);
    expect(error.text.en).toContain("quarterpast up");
    expect(error.text.zh).toContain("quarterpast up");
  });

  it.each([
    [{ QUARTERPAST_API_URL: "http://127.0.0.1:2" }],
    [{ QUARTERPAST_API_KEY: "k" }],
    [{ QUARTERPAST_API_URL: "127.0.0.1:2", QUARTERPAST_API_KEY: "k" }],
  ])("ends with 78 on %j", async (env) => {
    expect(STACK_EXITS[(await fails(findStack({}, env))).code]).toBe(78);
  });

  it("is exit 4 of any command without a stack", async () => {
    const { code, stderr } = await quarterpast(["doctor"], {}, folder);
    expect({ code, lines: stderr.match(/\n/g)?.length }).toEqual({ code: 4, lines: 1 });
    expect(stderr).toContain('start one with "quarterpast up"');
  });
});

it("the language is that of --lang, QUARTERPAST_LANG, then the locale", () => {
  expect(terminalLanguage({ LANG: "zh_CN.UTF-8" })).toBe("zh");
  expect(terminalLanguage({ LANG: "zh_CN.UTF-8", LC_ALL: "de_DE" })).toBe("en");
  expect(terminalLanguage({ LC_ALL: "de_DE", QUARTERPAST_LANG: "zh" })).toBe("zh");
  expect(terminalLanguage({})).toBe("en");
  expect(takeLanguage(["a", "--lang", "zh", "b"])).toEqual({ asked: "zh", rest: ["a", "b"] });
  expect(takeLanguage(["a", "--lang=en"])).toEqual({ asked: "en", rest: ["a"] });
  expect(takeLanguage(["a", "--lang"])).toEqual({ wrong: "", rest: ["a"] });
  expect(takeLanguage(["a", "--", "--lang", "zh"])).toEqual({ rest: ["a", "--", "--lang", "zh"] });
});

it("tables stay aligned with wide characters", () => {
  const columns = [
    { title: { en: "A", zh: "甲" }, cell: (row: string[]) => row[0]! },
    { title: { en: "B", zh: "乙" }, cell: (row: string[]) => row[1]!, align: "right" as const },
  ];
  expect(
    formatTable(columns, [
      ["话单", "1"],
      ["abcdef", "22"],
    ]),
  ).toBe("A        B\n话单     1\nabcdef  22");
  const odd = [
    ["👩‍👩‍👧", "1"],
    ["e\u0301e", "2"],
    ["ab", "3"],
  ];
  expect(formatTable(columns, odd)).toBe("A   B\n👩‍👩‍👧  1\ne\u0301e  2\nab  3");
});

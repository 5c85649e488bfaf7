import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { followSettings, type FollowedRead } from "../src/followSettings.js";
import { SettingsError } from "../src/settings.js";
import { memoryLog } from "./helpers/memoryLog.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quarterpast-settings-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const numbers = ({ LIST = "" }: { LIST?: string | undefined }): FollowedRead<number[]> => {
  const value = LIST.split(",").map(Number);
  if (value.every((one) => one > 0)) return { ok: true, value };
  return { ok: false, problem: { name: "LIST", value: "(hidden)", right: { en: "numbers", zh: "数字" } } };
};

test("a file's new content applies at once; invalid content is reported once and changes nothing", async () => {
  const file = join(dir, "list");
  writeFileSync(file, "1,2\n");
  const log = memoryLog();
  const followed = followSettings(["LIST"], { LIST_FILE: file }, numbers, { logger: log.logger, everyMs: 5 });
  expect(followed.value()).toEqual([1, 2]);
  writeFileSync(file, "2");
  await vi.waitFor(() => expect(followed.value()).toEqual([2]));
  writeFileSync(file, "x");
  const refused = () => log.lines().filter((line) => JSON.stringify(line).includes("settings are invalid"));
  await vi.waitFor(() => expect(refused()).toHaveLength(1));
  rmSync(file);
  await vi.waitFor(() => expect(refused()).toHaveLength(2));
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(refused()).toHaveLength(2);
  expect(followed.value()).toEqual([2]);
  writeFileSync(file, "3");
  await vi.waitFor(() => expect(followed.value()).toEqual([3]));
  followed.stop();
});

test("what cannot be used at the start is an error of the settings", () => {
  const log = memoryLog();
  expect(() => followSettings(["LIST"], { LIST: "x" }, numbers, { logger: log.logger })).toThrow(
    SettingsError,
  );
});

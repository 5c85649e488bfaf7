import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { quarterpast, startRunningApi } from "./running.js";

let stack: Awaited<ReturnType<typeof startRunningApi>>;
beforeAll(async () => void (stack = await startRunningApi()));
afterAll(() => stack.end());

const run = (...args: string[]) => quarterpast([...args, "--data-dir", stack.dataDir]);

it("previews a table, saves how it is read, and shows cause and act of each difference", async () => {
  const file = join(stack.dataDir, "console.csv");
  const cells = 'theirs-1,i-1,2026/01/01 18:00,2026/01/01 19:00,"1,000",异常,3';
  await writeFile(
    file,
    `\ufeffSDR no.,实例ID,开始时间,结束时间,用量,状态,错误码\n${cells}\n${cells.replace("theirs-1", "theirs-2").replace("异常,3", "正常,")}\n`,
  );
  const mapped = ["--map", "SDR no.=serialNumber", "--zone", "+08:00"];
  const preview = await run("reconcile", file, "--preview", ...mapped);
  expect(preview).toMatchObject({ code: 0, stderr: "" });
  expect(preview.stdout).toMatch(/^A1 +SDR no\. +serialNumber$/m);
  expect(preview.stdout).toContain('"begin":"2026-01-01T10:00:00.000Z"');
  expect(preview.stdout).toContain("sdr: 2 rows, not proven complete");

  const taken = await run("reconcile", file, ...mapped, "--save", "console", "--rows", "2");
  expect(taken.code).toBe(3);
  expect(taken.stdout).toMatch(/^complete +yes$/m);
  expect(taken.stdout).toMatch(
    /^q\d+ +extra +theirs-2 +- +1000 +- +listed there under a serial number that we never issued/m,
  );
  const again = await run("reconcile", file, "--profile", "console", "--json", "--lang", "zh");
  expect(JSON.parse(again.stdout)).toMatchObject({
    complete: false,
    extra: 0,
    standing: [{ key: "theirs-2", act: "ask" }],
  });
  expect((await run("reconcile", file, "--map", "x")).code).toBe(2);
  expect((await run("reconcile", file, "--profile", "none")).code).toBe(5);
});

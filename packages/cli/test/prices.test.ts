import { afterAll, beforeAll, expect, it } from "vitest";
import { quarterpast, startRunningApi } from "./running.js";

let stack: Awaited<ReturnType<typeof startRunningApi>>;
beforeAll(async () => void (stack = await startRunningApi()));
afterAll(() => stack.end());

const run = (...args: string[]) => quarterpast([...args, "--data-dir", stack.dataDir]);

it("adds and lists price plans, and shows a month's revenue", async () => {
  await run("meters", "add", "tokens", "--aggregation", "sum");
  const plan = ["prices", "add", "--product", "llm", "--meter", "tokens", "--from", "2026-01-01T00:00:00Z"];
  const priced = [...plan, "--model", "step", "--currency", "CNY", "--price"];
  expect(await run(...priced, "3:0.3,0.2")).toEqual({
    code: 0,
    stdout: "price of llm tokens from 2026-01-01T00:00:00Z: step ≤3:0.3 0.2 CNY\n",
    stderr: "",
  });
  expect((await run(...priced, "3-0.3")).code).toBe(2);
  expect((await run(...priced, "3:0.3")).code).toBe(5);
  const listed = await run("prices", "list", "--json");
  expect(JSON.parse(listed.stdout)).toMatchObject([{ model: "step", period: "month", free: "0" }]);
  expect((await run("prices", "list", "--lang", "zh")).stdout).toMatch(/^产品\s+计量项\s+生效时间/);
  expect(await run("revenue", "--month", "2026-03")).toMatchObject({
    code: 0,
    stderr: "no records of that month\n",
  });
});

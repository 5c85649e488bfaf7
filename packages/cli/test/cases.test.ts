import { afterAll, beforeAll, expect, it } from "vitest";
import { quarterpast, startRunningApi } from "./running.js";

let stack: Awaited<ReturnType<typeof startRunningApi>>;
beforeAll(async () => void (stack = await startRunningApi()));
afterAll(() => stack.end());

const run = (...args: string[]) => quarterpast([...args, "--data-dir", stack.dataDir]);

it("lists, shows, assigns and acts on cases", async () => {
  expect(await run("cases", "list")).toEqual({ code: 0, stdout: "", stderr: "no cases\n" });
  await stack.pool.query(
    "INSERT INTO cases (account_no, kind, ref, detail, opened_at) SELECT account_no, 'extra', 'sn-1', 'i-1 5', '2026-03-01Z' FROM accounts",
  );
  expect((await run("cases", "list")).stdout).toMatch(
    /^ +1 +extra +sn-1 +i-1 5 +- +2026-03-02T00:00:00Z +-$/m,
  );
  expect((await run("cases", "assign", "1", "李雷")).stdout).toBe("case 1 is 李雷's\n");
  expect((await run("cases", "act", "1", "--do", "write-off")).code).toBe(2);
  expect((await run("cases", "act", "1", "--do", "resend", "--reason", "x")).code).toBe(5);
  expect((await run("cases", "act", "1", "--do", "ask", "--lang", "zh")).stdout).toContain(
    "商家账号：koogallery-cn",
  );
  expect((await run("cases", "act", "1", "--do", "write-off", "--reason", "theirs")).stdout).toBe(
    "case 1: write-off is done\n",
  );
  const shown = JSON.parse((await run("cases", "show", "1", "--json")).stdout) as {
    history: { act: string }[];
  };
  expect(shown).toMatchObject({ owner: "李雷", resolution: "written_off" });
  expect(shown.history.map(({ act }) => act)).toEqual(["assign", "ask", "write_off"]);
});

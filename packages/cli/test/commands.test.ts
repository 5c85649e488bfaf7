import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quarterpast, startRunningApi, TOKEN } from "./running.js";

let stack: Awaited<ReturnType<typeof startRunningApi>>;
beforeAll(async () => void (stack = await startRunningApi()));
afterAll(() => stack.end());

const run = (...args: string[]) => quarterpast([...args, "--data-dir", stack.dataDir]);

describe("on a running stack", () => {
  it("adds and lists what is metered, for people and for programs", async () => {
    const added = await run("meters", "add", "tokens", "--aggregation", "sum", "--unit", "token");
    expect(added).toEqual({
      code: 0,
      stdout: "meter tokens: sum, unit token, up to 6 decimals\n",
      stderr: "",
    });
    const listed = await run("meters", "list", "--json");
    expect(JSON.parse(listed.stdout)).toEqual([
      { code: "tokens", aggregation: "sum", unit: "token", scale: 6 },
    ]);
    const table = await run("meters", "list", "--lang", "zh");
    expect(table.stdout.split("\n")[0]).toMatch(/^代码\s+汇总方式\s+单位\s+小数位$/);
  });

  it("finds it by the environment too", async () => {
    const env = { QUARTERPAST_API_URL: `${stack.url}/`, QUARTERPAST_API_KEY: TOKEN };
    const { code, stdout } = await quarterpast(["meters", "list", "--json"], env, stack.dataDir);
    expect({ code, first: JSON.parse(stdout)[0].code }).toEqual({ code: 0, first: "tokens" });
  });

  it("refuses an overlap with the one in the way, exit 5", async () => {
    const life = (id: string) => [
      id,
      "--product",
      "llm",
      "--meter",
      "tokens",
      "--subject",
      "acme",
      "--opened",
      "2026-01-01T00:00:00Z",
    ];
    expect((await run("instances", "add", ...life("i1"))).stdout).toMatch(/^INSTANCE +i1$/m);
    const refused = await run("instances", "add", ...life("i2"));
    expect(refused).toMatchObject({ code: 5, stdout: "" });
    expect(refused.stderr).toMatch(
      /^quarterpast: Instance i1 .* opened 2026-01-01T00:00:00Z, still open; .*\n$/,
    );
    const chinese = await run("--lang", "zh", "instances", "add", ...life("i2"));
    expect(chinese.stderr).toMatch(/^quarterpast: 实例 i1（主体 acme.*\n$/);

    expect((await run("instances", "close", "i1", "--closed", "2026-02-01T00:00:00Z")).code).toBe(0);
    const shown = await run("instances", "show", "i1", "--json");
    expect(JSON.parse(shown.stdout)).toMatchObject({ closed: "2026-02-01T00:00:00Z" });
    expect((await run("instances", "show", "nobody")).code).toBe(5);
  });

  it("prints a new key's token once, and it works until it is revoked", async () => {
    const made = await run("keys", "create", "books", "--role", "finance");
    const token = made.stdout.trim();
    expect(made.stdout).toMatch(/^qp_[0-9a-f]{8}_[0-9a-f]{48}\n$/);
    const asFinance = (...args: string[]) =>
      quarterpast(args, { QUARTERPAST_API_URL: stack.url, QUARTERPAST_API_KEY: token }, stack.dataDir);
    expect((await asFinance("hours", "list")).code).toBe(0);
    const forbidden = await asFinance("sources", "expect", "//gw");
    expect(forbidden).toMatchObject({ code: 5, stderr: expect.stringContaining("(forbidden)") as string });
    expect((await run("keys", "list")).stdout).not.toContain(token);
    expect((await run("keys", "revoke", token.split("_")[1]!)).code).toBe(0);
    expect(await asFinance("hours", "list")).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("(unauthorized)") as string,
    });
  });

  it("reconciles a file: 3 where differences stand, 2 where there is none to read", async () => {
    const write = async (name: string, text: string) => {
      await writeFile(join(stack.dataDir, name), text);
      return join(stack.dataDir, name);
    };
    const line = {
      metering_sn: "b1extra",
      instance_id: "i1",
      begin_time: "20260101T000000Z",
      end_time: "20260101T010000Z",
      usage_value: "1",
      state: "normal",
    };
    const empty = await run(
      "reconcile",
      await write("empty.json", '{"records":[],"total":0,"complete":true}'),
    );
    expect({ code: empty.code, stderr: empty.stderr }).toEqual({ code: 0, stderr: "" });
    const extra = await run("reconcile", await write("sdr.ndjson", `${JSON.stringify(line)}\n`));
    expect(extra.code).toBe(3);
    expect(extra.stdout).toMatch(/^q\d+ +extra +b1extra +- +1 /m);
    const again = await run("reconcile", join(stack.dataDir, "sdr.ndjson"), "--json");
    expect(again.code).toBe(3);
    expect(JSON.parse(again.stdout).standing).toHaveLength(1);
    expect((await run("reconcile", join(stack.dataDir, "none.csv"))).code).toBe(2);
    expect((await run("reconcile", await write("odd.txt", "x"))).code).toBe(2);
    expect((await run("reconcile", await write("bad.csv", "a,b\n1,2\n"))).code).toBe(5);
  });

  it("doctor says what is wrong and what to do, exit 1", async () => {
    const { code, stdout } = await run("doctor");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^✓ Postgres: answers/m);
    expect(stdout).toMatch(/^✗ Collectors: none is running\n {2}→ Start a collector/m);
    expect(JSON.parse((await run("doctor", "--json")).stdout)).toMatchObject({ ok: false });
  });

  it.each([
    [["hours", "list"], "no hours"],
    [["records", "list"], "no such records"],
    [["quarantine", "list"], "nothing waits"],
    [["sources", "list"], "no sources"],
  ])("%j says where there is nothing", async (args, told) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain(told);
    expect((await run(...args, "--json")).stdout).toBe("[]\n");
  });

  it("passes on what the api refuses, exit 5", async () => {
    expect(await run("records", "show", "none")).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("not_found") as string,
    });
    const state = await run("records", "list", "--state", "lost");
    expect(state.stderr).toMatch(/^quarterpast: state "lost": give one of frozen, .*\(field_invalid\)\n$/);
    expect((await run("records", "rereport", "none", "--reason", "x")).code).toBe(5);
  });
});

it("says that a stack which has died does not answer, exit 4", async () => {
  const dead = await startRunningApi();
  await dead.stopApi();
  const { code, stderr } = await quarterpast(["doctor", "--data-dir", dead.dataDir]);
  await dead.end();
  expect(code).toBe(4);
  expect(stderr).toMatch(/^quarterpast: the api at http:\S+ does not answer \(ECONNREFUSED\).*\n$/);
});

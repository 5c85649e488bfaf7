import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatInstant, parseInstant } from "@quarterpast/domain";
import { eventually } from "@quarterpast/testkit/services";
import { startStack, type Stack } from "@quarterpast/testkit/stack";
import pg from "pg";
import { afterEach, expect, test } from "vitest";
import { versionsBefore, versionsOf } from "./versions.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** UPGRADE_FROM names a commit that is taken for a version: `UPGRADE_FROM=HEAD` tries the test itself. */
const { versions, why } = versionsBefore(ROOT, process.env.UPGRADE_FROM);
const COUNTED = 1_000;
const WAITING = 20_000;
const BATCH = 500;

const undo: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
}, 120_000);

test("CHANGELOG names versions, and of a released one the commit", () => {
  expect(
    versionsOf("# C\n\n## Unreleased\n\n## v0.3.0\n\nx\n\n## v0.2.0, 2026\n\ncommit `0123456789abcdef`\n"),
  ).toEqual([
    { name: "v0.3.0", commit: undefined },
    { name: "v0.2.0", commit: "0123456789abcdef" },
  ]);
});

/** A checkout of a version, with its own packages, built. @returns its command */
function build(commit: string): string {
  const parent = mkdtempSync(join(tmpdir(), "quarterpast-upgrade-"));
  const dir = join(parent, "checkout");
  const run = (command: string, args: string[], cwd: string) =>
    execFileSync(command, args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
  run("git", ["worktree", "add", "--quiet", "--detach", dir, commit], ROOT);
  undo.push(() => {
    run("git", ["worktree", "remove", "--force", dir], ROOT);
    rmSync(parent, { recursive: true, force: true });
  });
  run("npm", ["ci", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"], dir);
  run(process.execPath, [join(dir, "node_modules", "typescript", "bin", "tsc"), "-b"], dir);
  return join(dir, "packages", "cli", "bin", "quarterpast.mjs");
}

/** Sends events of quantity 1, each with an id of its own, a batch at a time; all of them are acknowledged. */
async function send({ ready }: Stack, from: number, count: number, time: string): Promise<void> {
  for (let first = from; first < from + count; first += BATCH) {
    const events = Array.from({ length: Math.min(BATCH, from + count - first) }, (_, at) => ({
      ...{
        specversion: "1.0",
        id: `e-${first + at}`,
        source: "app",
        type: "tokens",
        subject: "customer-1",
        time,
      },
      data: { quantity: "1" },
    }));
    const answer = await fetch(`${ready.collector}/v1/events`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${ready.apiKey}`,
        "content-type": "application/cloudevents-batch+json",
      },
      body: JSON.stringify(events),
    });
    expect([answer.status, await answer.json()]).toMatchObject([
      202,
      { accepted: events.length, rejected: [] },
    ]);
  }
}

/** Product time of the stack. */
async function now({ ready }: Stack): Promise<string> {
  const answer = await fetch(`${ready.api}/v1/stack`, {
    headers: { authorization: `Bearer ${ready.apiKey}` },
  });
  return ((await answer.json()) as { clock: { now: string } }).clock.now;
}

async function query<T extends object>({ ready }: Stack, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: ready.database });
  await client.connect();
  try {
    return (await client.query<T>(text)).rows;
  } finally {
    await client.end();
  }
}

const counted = async (stack: Stack): Promise<number> =>
  Number((await query<{ n: string }>(stack, "SELECT count(*) AS n FROM events"))[0]!.n);

const filed = async (stack: Stack): Promise<number> =>
  Number(
    (
      await query<{ n: string }>(
        stack,
        "SELECT coalesce(sum(quantity), 0) AS n FROM billing.records WHERE state IN ('accepted', 'billed')",
      )
    )[0]!.n,
  );

/** What the marketplace's own store has. */
async function taken({ ready }: Stack): Promise<number> {
  const answer = await fetch(`${ready.sandbox}/sandbox/totals?by=instance`);
  const { totals } = (await answer.json()) as { totals: { usage: string }[] };
  return totals.reduce((sum, { usage }) => sum + Number(usage), 0);
}

/** Processes of a stack: the command first, which would start the others again. */
function processes({ dataDir, process: command }: Stack): number[] {
  const text = (...path: string[]) => readFileSync(join(dataDir, ...path), "utf8");
  return [
    command.pid!,
    ...(JSON.parse(text("processes.json")) as { pid: number }[]).map(({ pid }) => pid),
    Number(text("postgres", "data", "postmaster.pid").split("\n")[0]),
    Number(text("redis", "redis.pid")),
  ];
}

const isAggregator = (pid: number): boolean =>
  /aggregator/.test(readFileSync(`/proc/${pid}/cmdline`, "utf8"));

test.runIf(versions.length === 0)(`no upgrade is tried: ${why}`, (context) => context.skip(why));

test.each(versions)(
  "a data folder of $name with full queue and journal is taken over: nothing lost, nothing doubled",
  { timeout: 1_200_000 },
  async ({ commit }) => {
    const command = build(commit);
    const dataDir = mkdtempSync(join(tmpdir(), "quarterpast-upgrade-data-"));
    undo.push(() => rmSync(dataDir, { recursive: true, force: true }));
    // An hour a minute: where the machine is slow, usage falls into a later hour, and all of it is filed all the same.
    const clock = ["--clock-start", "2026-03-01T10:55:00Z", "--clock-rate", "60"];
    const old = await startStack(clock, dataDir, { bin: command });
    undo.push(() => old.end(true));
    const cli = async (line: string) => {
      const { code, stderr } = await old.cli(...line.split(" "));
      expect(code, stderr).toBe(0);
    };
    await cli("meters add tokens --aggregation sum --unit token --scale 0");
    await cli(
      "instances add i-1 --product llm --meter tokens --subject customer-1 --opened 2026-03-01T00:00:00Z",
    );
    await send(old, 0, COUNTED, await now(old));
    await eventually(
      () => filed(old),
      (sum) => sum === COUNTED,
      180_000,
    );

    // Its aggregator stands still, so that what comes now lies in the journal and in the queue, and is counted nowhere.
    process.kill(processes(old).find(isAggregator)!, "SIGSTOP");
    const late = formatInstant(parseInstant(await now(old))!);
    await send(old, COUNTED, WAITING, late);
    expect(await counted(old)).toBeLessThan(COUNTED + WAITING);
    for (const pid of processes(old)) process.kill(pid, "SIGKILL");

    const stack = await startStack([], dataDir);
    undo.push(() => stack.end(true));
    // The senders of the old version heard of no answer to the last ones: they send them again.
    await send(stack, COUNTED + WAITING - 2 * BATCH, 2 * BATCH, late);
    await eventually(
      () => counted(stack),
      (events) => events === COUNTED + WAITING,
      120_000,
    );
    await eventually(
      () => filed(stack),
      (sum) => sum === COUNTED + WAITING,
      240_000,
    );
    await eventually(
      () => taken(stack),
      (sum) => sum === COUNTED + WAITING,
      30_000,
    );
    expect(await counted(stack)).toBe(COUNTED + WAITING);
    const verified = await stack.cli("verify");
    expect(verified.code, verified.stdout + verified.stderr).toBe(0);
  },
);

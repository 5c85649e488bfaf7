import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isPortFree } from "@quarterpast/stack/servers";
import { parseInstant } from "@quarterpast/domain";
import { afterAll, describe, expect, it } from "vitest";
import { reserveBase, runUp, type ReadyLine, type UpRun } from "@quarterpast/testkit/stack";

const dataDir = mkdtempSync(join(tmpdir(), "quarterpast-up-"));
const portBase = await reserveBase();
const started: UpRun[] = [];

afterAll(async () => {
  for (const run of started) {
    run.process.kill("SIGTERM");
    await run.ended;
  }
  rmSync(dataDir, { recursive: true, force: true });
});

/** A run on this file's data directory. */
function up(args: string[], base = portBase, env: NodeJS.ProcessEnv = {}): UpRun {
  const all = ["--data-dir", dataDir, "--port-base", String(base), ...args];
  const run = runUp(all, { DATABASE_URL: "", REDIS_URL: "", LOG_LEVEL: "warn", ...env });
  started.push(run);
  return run;
}

async function until(isTrue: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  for (const end = Date.now() + withinMs; !(await isTrue()); await delay(50)) {
    if (Date.now() > end) throw new Error(`it never came: ${isTrue.toString()}`);
  }
}

async function stackOf({ api, apiKey }: ReadyLine): Promise<{ clock: { now: string; rate: number } }> {
  const answer = await fetch(`${api}/v1/stack`, { headers: { authorization: `Bearer ${apiKey}` } });
  expect(answer.status).toBe(200);
  return (await answer.json()) as { clock: { now: string; rate: number } };
}

const isHealthy = async (url: string) =>
  fetch(`${url}/healthz/ready`).then(
    ({ ok }) => ok,
    () => false,
  );

function servicePids(): number[] {
  const marks = JSON.parse(readFileSync(join(dataDir, "processes.json"), "utf8")) as { pid: number }[];
  return marks.map(({ pid }) => pid);
}

const serverPids = () => [
  Number(readFileSync(join(dataDir, "postgres", "data", "postmaster.pid"), "utf8").split("\n")[0]),
  Number(readFileSync(join(dataDir, "redis", "redis.pid"), "utf8")),
];

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The tests of this file follow one data directory through its life, in order. */
describe("quarterpast up", () => {
  let run: ReturnType<typeof up>;
  let ready: ReadyLine;

  it(
    "tells on one line of stdout where everything listens, and in stack.json",
    { timeout: 90_000 },
    async () => {
      run = up(["--clock-start", "2026-01-31T18:20:00Z", "--clock-rate", "30"]);
      ready = await run.ready();
      const at = (offset: number) => `http://127.0.0.1:${portBase + offset}`;
      expect(ready).toMatchObject({
        ready: true,
        ...{ collector: at(0), api: at(1), storefront: at(2), sandbox: at(3) },
        clock: { start: "2026-01-31T18:20:00Z", rate: 30 },
      });
      expect(ready.database).toMatch(new RegExp(`^postgres://.+@127\\.0\\.0\\.1:${portBase + 4}/`));
      expect(ready.redis).toMatch(new RegExp(`^redis://.+@127\\.0\\.0\\.1:${portBase + 5}`));
      expect(Math.abs(Date.parse(ready.clock.at) - Date.now())).toBeLessThan(5_000);
      expect(run.said.out.trim().split("\n")).toHaveLength(1);
      const file = join(dataDir, "stack.json");
      expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(ready);
      expect(statSync(file).mode & 0o077).toBe(0);
      expect(statSync(join(dataDir, "secrets.json")).mode & 0o077).toBe(0);
      expect((await stackOf(ready)).clock.rate).toBe(30);
    },
  );

  it("gives the sandbox the product's clock", async () => {
    const clock = (await (await fetch(`${ready.sandbox}/sandbox/clock`)).json()) as { product: string };
    const product = (await stackOf(ready)).clock.now;
    expect(Math.abs(Date.parse(clock.product) - Date.parse(product))).toBeLessThan(60_000);
  });

  it("keeps secrets out of the arguments of its processes", () => {
    for (const pid of servicePids()) {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      expect(line).not.toMatch(/postgres:\/\/|redis:\/\/|qp_/);
    }
  });

  it("refuses a second one on the same data directory, and names the first", async () => {
    const second = up([], portBase + 100);
    expect(await second.ended).toBe(73);
    expect(second.said.err).toContain(`in use by process ${run.process.pid}`);
    expect(second.said.err.trim().split("\n")).toHaveLength(1);
  });

  it("refuses ports that are in use, names them and others that are free", async () => {
    const other = mkdtempSync(join(tmpdir(), "quarterpast-up-"));
    const second = up(["--data-dir", other]);
    expect(await second.ended).toBe(69);
    expect(second.said.err).toContain(`${portBase} (collector)`);
    expect(second.said.err).toMatch(/such as --port-base \d+/);
    expect(second.said.err.trim().split("\n")).toHaveLength(1);
    rmSync(other, { recursive: true });
  });

  it("starts again what dies, Redis and Postgres included", { timeout: 60_000 }, async () => {
    const before = [...servicePids(), ...serverPids()];
    for (const pid of before) process.kill(pid, "SIGKILL");
    const ports = [0, 1, 2, 3, 6, 7].map((offset) => `http://127.0.0.1:${portBase + offset}`);
    await until(() =>
      ["collector", "postgres", "redis"].every((name) => run.said.err.includes(`${name} was killed`)),
    );
    await until(async () => (await Promise.all(ports.map(isHealthy))).every(Boolean), 40_000);
    const after = [...servicePids(), ...serverPids()];
    expect(after).toHaveLength(before.length);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    await until(async () => {
      const clock = (await (await fetch(`${ready.sandbox}/sandbox/clock`)).json()) as {
        start: string | null;
      };
      return clock.start !== null;
    });
  });

  it("stops everything at Ctrl-C", { timeout: 30_000 }, async () => {
    const pids = [...servicePids(), ...serverPids()];
    run.process.kill("SIGINT");
    expect(await run.ended).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(() => statSync(join(dataDir, "stack.json"))).toThrow();
  });

  it(
    "refuses a start earlier than the time reached, and leaves nothing running",
    { timeout: 30_000 },
    async () => {
      const refused = up(["--clock-start", "2026-01-31T18:00:00Z"]);
      expect(await refused.ended).toBe(2);
      expect(refused.said.err).toMatch(
        /--clock-start 2026-01-31T18:00:00Z is earlier than 2026-01-31T18:[2-5]/,
      );
      const free = await Promise.all(Array.from({ length: 8 }, (_, at) => isPortFree(portBase + at)));
      expect(free).not.toContain(false);
    },
  );

  it("goes on with clock and key after a stop, and after a kill", { timeout: 90_000 }, async () => {
    const reached = "2026-01-31T18:20:10Z";
    run = up([]);
    const second = await run.ready();
    expect(second.apiKey).toBe(ready.apiKey);
    expect(second.clock.rate).toBe(30);
    expect(parseInstant(second.clock.start)!).toBeGreaterThan(parseInstant(reached)!);
    const { now } = (await stackOf(second)).clock;
    await delay(1_500);

    const left = [...servicePids(), ...serverPids()];
    run.process.kill("SIGKILL");
    await run.ended;
    run = up([]);
    const third = await run.ready();
    expect(left.filter(isAlive)).toEqual([]);
    expect(parseInstant(third.clock.start)!).toBeGreaterThan(parseInstant(now)!);
    run.process.kill("SIGTERM");
    expect(await run.ended).toBe(0);
  });
});

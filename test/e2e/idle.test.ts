import { readdirSync, readFileSync, statSync } from "node:fs";
import { loadavg } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startStack, type Stack } from "@quarterpast/testkit/stack";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";

const SERVICES = ["collector", "aggregator", "reporter", "storefront", "api"];
/** Until every loop rests as long as it does while it finds nothing. */
const SETTLING_MS = 25_000;
const SECONDS = 20;
const STATEMENTS_A_SECOND_MAX = 20;
/** A load of the machine above which processor time says more of the others than of us. */
const QUIET_LOAD = 1;
/** Of one core, all services together. */
const PERCENT_MAX = 3;
/** Clock ticks of /proc a second: Linux has no other. */
const TICKS = 100;

let stack: Stack;
let db: pg.Client;

beforeAll(async () => {
  stack = await startStack([]);
  db = new pg.Client({ connectionString: stack.ready.database, application_name: "test" });
  await db.connect();
}, 120_000);
afterAll(async () => {
  await db?.end();
  await stack?.end();
});

interface Process {
  pid: number;
  parent: number;
  /** Ticks of processor time, those of ended children included. */
  ticks: number;
  name: string;
}

/** All processes below one, by /proc. */
function processesBelow(top: number): Process[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => readProcess(Number(pid)));
  const below = new Set([top]);
  for (let size = 0; size < below.size;) {
    size = below.size;
    for (const { pid, parent } of all) if (below.has(parent)) below.add(pid);
  }
  return all.filter(({ pid }) => below.has(pid) && pid !== top);
}

function readProcess(pid: number): Process[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return [{ pid, parent: Number(fields[1]), ticks, name: nameOf(pid) }];
  } catch {
    // It has ended.
    return [];
  }
}

/** `collector` and so on, `sandbox`, `postgres`, `redis-server`. */
function nameOf(pid: number): string {
  const [program = "", ...args] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split(/[\0 ]/);
  const main = args.find((arg) => arg.endsWith("dist/main.js"));
  return main ? basename(dirname(dirname(main))) : basename(program).replace(/:$/, "");
}

/** Ticks by the name of the process. */
function ticksByName(): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { name, ticks } of processesBelow(stack.process.pid!))
    sums.set(name, (sums.get(name) ?? 0) + ticks);
  return sums;
}

test.skipIf(process.platform !== "linux")(
  "a stack with nothing to do uses under 3 % of one core and sends under 20 statements a second",
  async () => {
    const log = join(stack.dataDir, "postgres", "postgres.log");
    for (const setting of ["log_statement = 'all'", "log_line_prefix = '%a '"])
      await db.query(`ALTER SYSTEM SET ${setting}`);
    await db.query("SELECT pg_reload_conf()");
    await sleep(SETTLING_MS);
    const [from, before] = [statSync(log).size, ticksByName()];
    await sleep(SECONDS * 1_000);
    const after = ticksByName();
    const lines = readFileSync(log).subarray(from).toString("utf8").split("\n");
    const statements = lines.flatMap(
      (line) => /^(.*?) ?LOG: {2}(?:statement|execute [^:]*): /.exec(line)?.[1] ?? [],
    );
    const told: Record<string, number> = {};
    for (const sender of statements) told[sender] = (told[sender] ?? 0) + 1 / SECONDS;
    const percents = Object.fromEntries(
      [...after].map(([name, ticks]) => [name, ((ticks - (before.get(name) ?? 0)) / TICKS / SECONDS) * 100]),
    );
    // Every service is there and asks: a stack that is not up is idle too.
    for (const service of SERVICES) expect(told[`quarterpast-${service}`], service).toBeGreaterThan(0);
    const percent = SERVICES.reduce((sum, name) => sum + percents[name]!, 0);
    expect(statements.length / SECONDS, JSON.stringify(told)).toBeLessThan(STATEMENTS_A_SECOND_MAX);
    if (loadavg()[0]! < QUIET_LOAD) expect(percent, JSON.stringify(percents)).toBeLessThan(PERCENT_MAX);
    else console.log(`not judged, the machine is busy: ${percent.toFixed(1)} %`, percents);
  },
  120_000,
);

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createFaults, type Faults } from "./faults.js";
import { drain, measureLiveness, type Liveness, type Violation } from "./liveness.js";
import { startOperator } from "./operator.js";
import { createRandom } from "./random.js";
import { createWorkload, type Workload } from "./workload.js";
import { PREFIX, startWorld, TOKEN, type World } from "./world.js";

export interface RunOptions {
  seed: number;
  /** Target number of acknowledged events. */
  events: number;
  kills: number;
  stops: number;
  /** How long faults are injected, real milliseconds. */
  faultsMs: number;
  /** Product seconds per real second. */
  rate: number;
  root: string;
  dir: string;
  say: (line: string) => void;
}

/** The result of a run; the line that `--json` prints, and more. */
export interface RunResult {
  seed: number;
  events: number;
  kills: number;
  stops: number;
  faultPoints: number;
  faultPointsHit: number;
  lost: number;
  doubled: number;
  violations: Violation[];
  /** Shares of 1. */
  killsInFlight: number;
  ackedUnderFaults: number;
  liveness: Liveness;
  skipped: Record<string, string>;
  seconds: number;
}

/** Least share of the acknowledged events in the fault phase, and of kills that must hit work in progress. */
const UNDER_FAULTS = 0.7;
const IN_FLIGHT = 0.5;
const UNDER_FAULTS_AIM = 0.78;
const GO_ON_MS = 60_000;

/** One run: warm-up, faults, heal, liveness, drain, audit. */
export async function run(options: RunOptions): Promise<RunResult> {
  const startedAt = Date.now();
  const { seed, say } = options;
  const random = createRandom(seed);
  let points: string[] = [];
  const faults = createFaults(random.fork("faults"), () => points);
  const world = await startWorld({
    ...options,
    planFor: (kind) => faults.planFor(kind),
    random: random.fork("world"),
  });
  points = world.points;
  try {
    return await play(options, world, faults, startedAt);
  } finally {
    say(`logs and data: ${options.dir}`);
    await world.end();
  }
}

async function play(
  options: RunOptions,
  world: World,
  faults: Faults,
  startedAt: number,
): Promise<RunResult> {
  const { seed, events, kills, stops, faultsMs, say } = options;
  const random = createRandom(seed);
  const truthPath = join(options.dir, "truth.ndjson");
  const aim = (events * 0.85) / (faultsMs / 1_000);
  let rate = aim;
  const workload = createWorkload({
    random: random.fork("workload"),
    truthPath,
    token: TOKEN,
    targets: world.collectors,
    subjects: world.subjects,
    productNow: world.productNow,
    senders: 10,
    rate: () => rate,
  });
  const operator = startOperator(world.pool);
  workload.start();
  say(`warm: ${Math.round(aim)} events/s`);
  await sleep(3_000);
  const before = workload.state.acknowledged;
  say("faults");
  const snapshots: string[] = [];
  const photographer = setInterval(() => void photograph(world, snapshots), faultsMs / 4);
  const late = addLateInstances(world, faultsMs / 3);
  await faults.run(world, workload, { kills, stops, overMs: faultsMs });
  await late;
  const nudges = random.fork("nudges");
  const isEnough = () =>
    workload.state.acknowledged - before >= events * UNDER_FAULTS_AIM &&
    missingPoints(world, faults).length === 0 &&
    faults.kills(world) >= kills &&
    faults.stops(world) >= stops;
  await goOnUntil(isEnough, faultsMs, async () => {
    const isShort = workload.state.acknowledged - before < events * UNDER_FAULTS_AIM;
    rate = isShort ? Math.min(rate * 1.02, aim * 1.5) : aim / 8;
    // What the marketplace voids is filed again, so that the rarely passed points of that are reached.
    const draw = () => nudges.int(1, 1e6);
    await world.setFaults([
      { mode: "abnormal", share: 0.5, probability: 0.4, seed: draw() },
      { mode: "abnormal_sync", share: 0.3, probability: 0.5, rows: "shuffle", seed: draw() },
    ]);
    await faults.more(world, workload, { kills, stops });
  });
  clearInterval(photographer);
  const under = workload.state.acknowledged - before;
  await heal(world);
  say(
    `healed after ${faults.injected.length} faults, ${faults.kills(world)} kills, ${workload.state.acknowledged} acknowledged`,
  );
  rate = aim / 8;
  const liveness = await measureLiveness(world, workload, say);
  rate = aim;
  await goOnUntil(
    () => workload.state.acknowledged >= events,
    Math.max(GO_ON_MS, faultsMs / 2),
    async () => {},
  );
  const violations: Violation[] = [];
  if (!(await workload.finish(30_000)))
    violations.push({ id: "I18", detail: "requests were not answered within 30 s after the faults" });
  await workload.close();
  violations.push(...(await drain(world, say)));
  await operator.stop();
  await Promise.all(world.services.map((service) => service.stop()));
  const audit = await runAudit(world, truthPath, snapshots, say);
  violations.push(...audit.violations, ...liveness.violations);

  const underFaults = under / workload.state.acknowledged;
  const inFlight = inFlightShare(world, faults);
  violations.push(...judgeHarness(options, world, faults, workload, underFaults, inFlight));
  return {
    seed,
    events: workload.state.acknowledged,
    kills: faults.kills(world),
    stops: faults.stops(world),
    faultPoints: world.points.length,
    faultPointsHit: faults.pointsHit(world).size,
    lost: audit.lost,
    doubled: audit.doubled,
    violations,
    killsInFlight: round(inFlight),
    ackedUnderFaults: round(underFaults),
    liveness,
    skipped: audit.skipped,
    seconds: Math.round((Date.now() - startedAt) / 1_000),
  };
}

/** Continues until the condition holds; `nudge` may help every half second. */
async function goOnUntil(holds: () => boolean, withinMs: number, nudge: () => Promise<void>): Promise<void> {
  for (const until = Date.now() + withinMs; !holds() && Date.now() < until; await sleep(500)) await nudge();
}

/** Instances whose usage arrives before them; Postgres may be down at the time. */
async function addLateInstances(world: World, afterMs: number): Promise<void> {
  for (await sleep(afterMs); ; await sleep(500)) {
    try {
      return await world.addLateInstances();
    } catch {
      // Retried: adding the same instance again changes nothing.
    }
  }
}

function missingPoints(world: World, faults: Faults): string[] {
  const hit = faults.pointsHit(world);
  return world.points.filter((point) => !hit.has(point));
}

/** Ends all faults; the running system continues, and nothing is restarted by hand. */
async function heal(world: World): Promise<void> {
  writeFileSync(`${world.faultLog}.off`, "");
  for (const proxy of world.proxies) proxy.set({ kind: "pass" });
  for (const service of world.services) service.resume();
  await world.setFaults([]);
}

/** A fault point is between two effects, so a process killed there has work in progress. */
function inFlightShare(world: World, faults: Faults): number {
  const kills = faults.kills(world);
  const outside = faults.injected.filter(({ what }) => what.startsWith("kill "));
  const idle = outside.filter(({ inFlight }) => inFlight === false).length;
  return kills === 0 ? 0 : 1 - idle / kills;
}

/** Has the auditor write down what is sealed; if Postgres is down at the time there is one snapshot less. */
async function photograph(world: World, snapshots: string[]): Promise<void> {
  const path = join(world.dir, `sealed-${snapshots.length}.json`);
  const script = join(import.meta.dirname, "auditor.js");
  const child = spawn(process.execPath, [script, "--snapshot", world.databaseUrl, path], { stdio: "ignore" });
  child.once("exit", (code) => void (code === 0 && snapshots.push(path)));
}

function judgeHarness(
  { kills, stops, events }: RunOptions,
  world: World,
  faults: Faults,
  workload: Workload,
  underFaults: number,
  inFlight: number,
): Violation[] {
  const missing = missingPoints(world, faults);
  const failed = faults.injected.filter(({ what }) => what.startsWith("failed"));
  const problems = [
    faults.kills(world) < kills && `${faults.kills(world)} kills, planned ${kills}`,
    faults.stops(world) < stops && `${faults.stops(world)} stops, planned ${stops}`,
    workload.state.acknowledged < events &&
      `${workload.state.acknowledged} events acknowledged, planned ${events}`,
    missing.length > 0 && `fault points never hit: ${missing.join(", ")}`,
    underFaults < UNDER_FAULTS && `${round(underFaults)} of the events acknowledged under faults`,
    inFlight < IN_FLIGHT && `${round(inFlight)} of the kills hit work in flight`,
    ...failed.map(({ what }) => what),
  ];
  return problems.flatMap((problem) => (problem ? [{ id: "harness", detail: problem }] : []));
}

interface AuditResult {
  violations: Violation[];
  skipped: Record<string, string>;
  lost: number;
  doubled: number;
}

/** The auditor is a separate program: it knows only the run's files and servers. */
async function runAudit(
  world: World,
  truthPath: string,
  snapshots: string[],
  say: (line: string) => void,
): Promise<AuditResult> {
  const config = join(world.dir, "audit.json");
  const { databaseUrl, redisUrl, sandboxStore, journals, proofs } = world;
  writeFileSync(
    config,
    JSON.stringify({
      databaseUrl,
      redisUrl,
      queuePrefix: PREFIX,
      truthPath,
      sandboxStore,
      journals,
      proofs,
      snapshots,
    }),
  );
  say("audit");
  const child = spawn(process.execPath, [join(import.meta.dirname, "auditor.js"), config], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0 && code !== 1) throw new Error(`the auditor ended with ${String(code)}`);
  return JSON.parse(text) as AuditResult;
}

function round(share: number): number {
  return Math.round(share * 1_000) / 1_000;
}

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { Managed, ServiceKind } from "./managed.js";
import type { ProxyMode } from "./proxy.js";
import type { Random } from "./random.js";
import type { Workload } from "./workload.js";
import { PREFIX, type World } from "./world.js";

/** What was done to the system, and whether work was in progress. */
export interface Injected {
  at: number;
  what: string;
  inFlight?: boolean;
}

export interface Faults {
  injected: Injected[];
  /** The fault plan for a service's next start: a crash at the next of its points that has not crashed yet. */
  planFor(kind: ServiceKind): string;
  /** Injects the whole deck, spread over the time. */
  run(
    world: World,
    workload: Workload,
    spread: { kills: number; stops: number; overMs: number },
  ): Promise<void>;
  /**
   * Kills or stops one more process if fewer were than planned, because a fault sometimes finds no process to hit.
   */
  more(world: World, workload: Workload, plan: { kills: number; stops: number }): Promise<void>;
  kills(world: World): number;
  stops(world: World): number;
  pointsHit(world: World): Set<string>;
}

const ERRORS: Record<ServiceKind, string> = {
  collector:
    "collector.beforeRedisAdd=error%0.02;collector.afterRedisAdd=error%0.02;collector.beforeJournalWrite=error%0.002",
  aggregator: "aggregator.*=error%0.004",
  reporter: "reporter.*=error%0.01",
};

/** Creates the faults of a run. */
export function createFaults(random: Random, points: () => string[]): Faults {
  const injected: Injected[] = [];
  const uncrashed = new Map<ServiceKind, string[]>();
  let armedLeft = 0;
  let stopsLeft = 0;
  let isArming = false;

  function planFor(kind: ServiceKind): string {
    const rules = [`seed=${random.int(1, 1e9)}`];
    if (isArming && armedLeft > 0) {
      const waiting = uncrashed.get(kind) ?? [];
      const point = waiting.shift() ?? random.pick(points().filter((name) => name.startsWith(kind)));
      armedLeft -= 1;
      const isRare = kind === "reporter" || /Register|Reclaim|Mark|Segment|Release|Again/.test(point);
      rules.push(`${point}=crash@${isRare ? random.int(1, 2) : random.int(3, 40)}`);
    }
    if (isArming && stopsLeft > 0 && random.chance(0.5)) {
      stopsLeft -= 1;
      rules.push(`${random.pick(points().filter((name) => name.startsWith(kind)))}=stop@${random.int(2, 5)}`);
    }
    // The first points that each process passes are delayed, so that every point is seen to act.
    rules.push("*=delay:2@1");
    if (isArming) rules.push(ERRORS[kind], "*=delay:15%0.01");
    return rules.join(";");
  }

  async function run(
    world: World,
    workload: Workload,
    { kills, stops, overMs }: { kills: number; stops: number; overMs: number },
  ): Promise<void> {
    for (const kind of ["collector", "aggregator", "reporter"] as const) {
      uncrashed.set(kind, random.shuffle(points().filter((name) => name.startsWith(kind))));
    }
    isArming = true;
    armedLeft = Math.ceil(kills / 2);
    stopsLeft = Math.ceil(stops / 3);
    const deck = makeDeck(random, kills, stops);
    const injector = createInjector(world, workload, random, injected);
    const resume = resumeStopped(world);
    const pause = overMs / deck.length;
    const pending: Promise<void>[] = [];
    const startedAt = Date.now();
    for (const [at, fault] of deck.entries()) {
      await sleep(Math.max(0, startedAt + at * pause - Date.now()));
      pending.push(
        injector(fault).catch(
          (error: unknown) =>
            void injected.push({ at: Date.now(), what: `failed: ${fault}: ${String(error)}` }),
        ),
      );
    }
    await Promise.all(pending);
    isArming = false;
    clearInterval(resume);
  }

  async function more(
    world: World,
    workload: Workload,
    plan: { kills: number; stops: number },
  ): Promise<void> {
    const inject = createInjector(world, workload, random, injected);
    const service = random.pick(world.services).name;
    if (faults.kills(world) < plan.kills) await inject(`kill ${service}`);
    else if (faults.stops(world) < plan.stops) await inject(`stop ${service}`);
  }

  const faults: Faults = {
    injected,
    planFor,
    run,
    more,
    kills: (world) =>
      world.services.reduce((sum, { ends }) => sum + ends.killed, 0) +
      injected.filter(({ what }) => /^kill (redis|postgres)/.test(what)).length,
    stops: (world) =>
      injected.filter(({ what }) => what.startsWith("stop ")).length + linesOf(world, "stop").length,
    pointsHit: (world) => new Set(linesOf(world).map(([, point]) => point!)),
  };
  return faults;
}

function linesOf(world: World, action?: string): string[][] {
  const lines = readFileSync(world.faultLog, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => line.split(" ")).filter((line) => action === undefined || line[2] === action);
}

const NETWORK = ["delay", "dropReplies", "cut", "halfOpen"] as const;

/** The faults in a seeded order, each kind as often as planned. */
function makeDeck(random: Random, kills: number, stops: number): string[] {
  const times = (many: number, what: (at: number) => string) =>
    Array.from({ length: many }, (_, at) => what(at));
  const kinds = ["collector", "aggregator", "reporter"];
  const servers = Math.max(2, Math.ceil(kills / 10));
  return random.shuffle([
    ...times(Math.ceil(kills / 2), (at) => `kill ${kinds[at % 3]}-${random.int(0, 1)}`),
    ...times(servers, () => "kill redis"),
    ...times(servers, () => "kill postgres"),
    ...times(Math.ceil((stops * 2) / 3), (at) => `stop ${kinds[at % 3]}-${random.int(0, 1)}`),
    ...times(Math.ceil(kills / 10), (at) => `restart ${kinds[at % 3]}-${random.int(0, 1)}`),
    ...times(Math.ceil(kills / 2), (at) => `network ${NETWORK[at % 4]}`),
    ...times(Math.ceil(kills / 2), () => "market"),
    ...times(Math.max(1, Math.ceil(kills / 40)), () => "flush redis"),
  ]);
}

/** Wakes processes that a fault point stopped. */
function resumeStopped(world: World): NodeJS.Timeout {
  return setInterval(() => {
    for (const service of world.services) {
      if (service.isStopped() || service.pid() === undefined) continue;
      try {
        const stat = readFileSync(`/proc/${service.pid()}/stat`, "latin1");
        if (stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) === "T") {
          setTimeout(() => service.resume(), 1_500);
        }
      } catch {
        // It has ended: its supervisor restarts it.
      }
    }
  }, 1_000);
}

function createInjector(world: World, workload: Workload, random: Random, injected: Injected[]) {
  const note = (what: string, inFlight?: boolean) =>
    void injected.push({ at: Date.now(), what, ...(inFlight !== undefined && { inFlight }) });
  const serviceOf = (name: string): Managed => world.services.find((service) => service.name === name)!;

  return async function inject(fault: string): Promise<void> {
    const [verb, target = ""] = fault.split(" ");
    if (verb === "kill" && (target === "redis" || target === "postgres")) return killServer(target);
    if (verb === "kill") return killService(serviceOf(target));
    if (verb === "stop") return stopService(serviceOf(target));
    if (verb === "restart") return restartService(serviceOf(target));
    if (verb === "network") return disturb(target as (typeof NETWORK)[number]);
    if (verb === "market") return market();
    return flushRedis();
  };

  /** Waits briefly for a moment at which the target has work in progress. */
  async function momentOf(isBusy: () => Promise<boolean>): Promise<boolean> {
    for (const until = Date.now() + 2_500; Date.now() < until; await sleep(10)) {
      if (await isBusy().catch(() => false)) return true;
    }
    return false;
  }

  async function killService(service: Managed): Promise<void> {
    for (const until = Date.now() + 5_000; service.readySince() === undefined && Date.now() < until;)
      await sleep(20);
    const busy = await momentOf(() => hasWork(world, workload, service));
    if (service.kill()) note(`kill ${service.name}`, busy);
  }

  async function killServer(name: "redis" | "postgres"): Promise<void> {
    const server = world.servers[name];
    if (server.upSince() === undefined) return;
    const inFlight = [...workload.state.pending.values()].some((count) => count > 0);
    note(`kill ${name}`, inFlight);
    await server.kill();
    await sleep(random.int(100, 2_500));
    await server.start();
  }

  async function stopService(service: Managed): Promise<void> {
    if (service.isStopped() || !service.pause()) return;
    note(`stop ${service.name}`);
    await sleep(random.int(500, 9_000));
    service.resume();
  }

  async function restartService(service: Managed): Promise<void> {
    service.restart();
    note(`restart ${service.name}`);
  }

  async function disturb(kind: (typeof NETWORK)[number]): Promise<void> {
    const proxy = random.pick(world.proxies);
    const mode: ProxyMode = kind === "delay" ? { kind, ms: random.int(20, 400) } : { kind };
    note(`network ${kind} ${proxy.name}`);
    proxy.set(mode);
    await sleep(random.int(300, 4_000));
    proxy.set({ kind: "pass" });
  }

  async function market(): Promise<void> {
    const rule = { ...random.pick(MARKET), seed: random.int(1, 1e6) };
    note(`market ${JSON.stringify(rule)}`);
    await world.setFaults([rule]);
  }

  /** If Redis is down at that moment, it is emptied as soon as it is back. */
  async function flushRedis(): Promise<void> {
    for (let tries = 0; tries < 50; tries += 1) {
      if (await tryFlush()) return note("flush redis");
      await sleep(200);
    }
    throw new Error("Redis was not there for 10 s");
  }

  async function tryFlush(): Promise<boolean> {
    const redis = new Redis(world.redisUrl, { maxRetriesPerRequest: 1, retryStrategy: () => null });
    redis.on("error", () => {});
    try {
      await redis.flushall();
      return true;
    } catch {
      return false;
    } finally {
      redis.disconnect();
    }
  }
}

/** The marketplace's fault modes that a run draws from. */
const MARKET = [
  { mode: "accept_then_timeout", probability: 0.6, afterMs: 400 },
  { mode: "accept_then_5xx", probability: 0.6 },
  { mode: "error5xx", probability: 0.5 },
  { mode: "partial", probability: 0.4, rows: "shuffle", share: 0.3 },
  { mode: "abnormal", probability: 0.3, share: 0.2 },
  { mode: "abnormal_sync", probability: 0.4, share: 0.3, rows: "duplicate" },
  { mode: "garbage", probability: 0.5, style: "html", accepted: true },
  { mode: "garbage", probability: 0.5, style: "invalid_json", accepted: false },
  { mode: "unknown_code", probability: 0.4, accepted: true },
  { mode: "slow", probability: 0.6, afterMs: 1_500 },
  { mode: "drip", probability: 0.3, afterMs: 2, size: 400 },
  { mode: "throttled", probability: 0.5, style: "gateway" },
  { mode: "forget", probability: 0.2 },
  { mode: "invent", probability: 0.2 },
  { mode: "down", probability: 0.8 },
];

/** Whether a process has work in progress now. */
async function hasWork(world: World, workload: Workload, { kind, name }: Managed): Promise<boolean> {
  if (kind === "collector") return (workload.state.pending.get(name) ?? 0) > 0;
  if (kind === "reporter") {
    const { rows } = await world.pool.query<{ busy: boolean }>(
      `SELECT EXISTS (SELECT 1 FROM submissions WHERE state = 'sent' AND lease_until > now())
         OR EXISTS (SELECT 1 FROM pg_stat_activity WHERE application_name = 'quarterpast-reporter' AND state <> 'idle') AS busy`,
    );
    return rows[0]!.busy;
  }
  const redis = new Redis(world.redisUrl, { maxRetriesPerRequest: 1, retryStrategy: () => null });
  redis.on("error", () => {});
  try {
    return (await redis.llen(`${PREFIX}:usage:active`)) > 0;
  } finally {
    redis.disconnect();
  }
}

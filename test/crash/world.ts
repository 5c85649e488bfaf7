import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reservePorts, startPostgres, startRedis } from "@quarterpast/stack/servers";
import {
  addInstance,
  createKey,
  createPool,
  ensureAccount,
  ensureMeter,
  ensureShards,
  ensureWeeks,
  migrate,
} from "@quarterpast/store";
import type { Pool } from "@quarterpast/store";
import { createManaged, type Managed, type ServiceKind } from "./managed.js";
import { startProxy, type Proxy } from "./proxy.js";
import type { Random } from "./random.js";
import { createClock, put, SANDBOX_KEY, serverHandle, startSandbox, type ServerHandle } from "./servers.js";
import type { Subject } from "./workload.js";

/** The first hour of product time. */
export const FIRST_HOUR_MS = Date.parse("2026-03-01T10:00:00Z");
export const TOKEN = "qp_crashkey_0123456789abcdef0123456789abcdef";
export const PREFIX = "{qp-crash}";

/** All parts of a run. */
export interface World {
  dir: string;
  databaseUrl: string;
  redisUrl: string;
  services: Managed[];
  servers: { redis: ServerHandle; postgres: ServerHandle };
  proxies: Proxy[];
  collectors: { name: string; url: string }[];
  pool: Pool;
  subjects: Subject[];
  points: string[];
  faultLog: string;
  journals: string[];
  sandboxStore: string;
  proofs: { dir: string; verifier: string };
  setFaults(rules: object[]): Promise<void>;
  productNow(): number;
  setRate(rate: number): Promise<void>;
  addLateInstances(): Promise<void>;
  end(): Promise<void>;
}

export interface WorldOptions {
  /** Folder of the product's compiled code. */
  root: string;
  dir: string;
  rate: number;
  /** The fault plan for the next start of a service. */
  planFor: (kind: ServiceKind) => string;
  random: Random;
}

/** Starts real servers, the sandbox and two of each service, every connection through a proxy. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { root, dir, random } = options;
  mkdirSync(dir, { recursive: true });
  // Fixed ports, because the servers are killed and must come back where the others look for them.
  const [redisPort, postgresPort, ...ports] = (await reservePorts(4)) as [number, number, ...number[]];
  const redis = await serverHandle("redis", () =>
    startRedis({ dataDir: join(dir, "redis"), port: redisPort }),
  );
  const postgres = await serverHandle("postgres", () =>
    startPostgres({ dataDir: join(dir, "postgres"), port: postgresPort }),
  );
  const databaseUrl = postgres.url();
  await migrate(databaseUrl);
  const pool = createPool({ databaseUrl, applicationName: "orchestrator", max: 4, onError: () => {} });
  const sandbox = await startSandbox(root, dir);
  const clock = createClock(pool, sandbox.url, options.rate, FIRST_HOUR_MS + 20 * 60_000);
  const subjects = await prepareLedger(pool);
  await clock.setRate(options.rate);

  const faultLog = join(dir, "faults.log");
  writeFileSync(faultLog, "");
  const proxies: Proxy[] = [];
  const proxied = async (name: string, url: string): Promise<string> => {
    const target = new URL(url);
    const proxy = await startProxy(name, Number(target.port));
    proxies.push(proxy);
    target.port = String(proxy.port);
    return target.href.replace(/\/$/, "");
  };
  const services: Managed[] = [];
  const collectors: World["collectors"] = [];
  const journals: string[] = [];
  for (const kind of ["collector", "aggregator", "reporter"] as const) {
    for (const no of [0, 1]) {
      const name = `${kind}-${no}`;
      const env: Record<string, string> = {
        PORT: "0",
        QUEUE_PREFIX: PREFIX,
        DATABASE_URL: await proxied(`${name}>postgres`, databaseUrl),
        REDIS_URL: await proxied(`${name}>redis`, redis.url()),
        QUARTERPAST_FAULT_POINTS_LOG: faultLog,
      };
      if (kind === "collector") {
        env.COLLECTOR_DATA_DIR = join(dir, `${name}-journal`);
        journals.push(env.COLLECTOR_DATA_DIR);
        env.PORT = String(ports[no]);
        collectors.push({ name, url: await proxied(`client>${name}`, `http://127.0.0.1:${env.PORT}`) });
      }
      if (kind === "reporter") {
        env.MARKETPLACE_URL = await proxied(`${name}>sandbox`, sandbox.url);
        env.MARKETPLACE_KEY = SANDBOX_KEY;
        env.MARKETPLACE_STATEMENT_PATH = "/sandbox/sdr";
        env.PROOF_DIR = join(dir, "proofs");
      }
      services.push(
        createManaged({
          kind,
          name,
          main: join(root, "services", kind, "dist", "main.js"),
          cwd: root,
          env: () => ({ ...env, QUARTERPAST_FAULT_POINTS: options.planFor(kind) }),
          logFile: join(dir, `${name}.log`),
          restartAfterMs: () => random.int(200, 800),
        }),
      );
    }
  }
  await Promise.all(services.map((service) => service.start()));
  return {
    dir,
    databaseUrl,
    redisUrl: redis.url(),
    services,
    servers: { redis, postgres },
    proxies,
    collectors,
    pool,
    subjects,
    points: findPoints(root),
    faultLog,
    journals,
    sandboxStore: join(dir, "sandbox", "sandbox.ndjson"),
    proofs: { dir: join(dir, "proofs"), verifier: join(root, "tools", "verify.py") },
    setFaults: async (rules) => void (await put(`${sandbox.url}/sandbox/faults`, rules)),
    productNow: clock.now,
    setRate: clock.setRate,
    addLateInstances: () => addInstances(pool, LATE),
    async end() {
      await Promise.all(services.map((service) => service.stop()));
      await Promise.all(proxies.map((proxy) => proxy.close()));
      sandbox.child.kill("SIGTERM");
      await pool.end().catch(() => {});
      await redis.stop();
      await postgres.stop();
    },
  };
}

interface NewInstance extends Subject {
  id: string;
}

const KINDS: [Subject["aggregation"], number][] = [
  ["sum", 24],
  ["count", 10],
  ["max", 8],
  ["unique", 8],
];
const ALL: NewInstance[] = KINDS.flatMap(([aggregation, many]) =>
  Array.from({ length: many }, (_, no) => ({
    id: `i-${aggregation}-${no}`,
    subject: `customer-${no}`,
    meter: `m-${aggregation}`,
    aggregation,
  })),
);
/** Their usage comes before they are known, so it waits in quarantine. */
const LATE: NewInstance[] = Array.from({ length: 4 }, (_, no) => ({
  id: `i-late-${no}`,
  subject: `late-${no}`,
  meter: "m-sum",
  aggregation: "sum",
}));
const LONG_AGO_MS = 120 * 24 * 3_600_000;
const NOBODY: Subject = { subject: "nobody", meter: "m-sum", aggregation: "sum" };

async function prepareLedger(pool: Pool): Promise<Subject[]> {
  const start = FIRST_HOUR_MS * 1_000;
  await ensureAccount(
    pool,
    { code: "koogallery-cn", marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 },
    start,
  );
  await ensureShards(pool, start);
  // Weeks past any retention: the aggregators drop them during the faults.
  await ensureWeeks(pool, (Date.now() - LONG_AGO_MS) * 1_000);
  for (const [aggregation] of KINDS) {
    await ensureMeter(pool, { code: `m-${aggregation}`, aggregation, unit: "unit", scale: 6 }, start);
  }
  await createKey(pool, { keyId: "crashkey", name: "crash", role: "operator", token: TOKEN }, start);
  await addInstances(pool, ALL);
  return [...ALL, ...LATE, NOBODY].map(({ subject, meter, aggregation }) => ({
    subject,
    meter,
    aggregation,
  }));
}

async function addInstances(pool: Pool, instances: readonly NewInstance[]): Promise<void> {
  const opened = (FIRST_HOUR_MS - 48 * 3_600_000) * 1_000;
  for (const { id, subject, meter } of instances) {
    const instance = { accountNo: 1, instanceId: id, product: "product", meter, subject, opened };
    const added = await addInstance(pool, instance, opened);
    if (!("instance" in added)) throw new Error(`instance ${id}: ${added.outcome}`);
  }
}

/** The names of all fault points in the compiled services. */
function findPoints(root: string): string[] {
  const found = new Set<string>();
  for (const kind of ["collector", "aggregator", "reporter"]) {
    const dist = join(root, "services", kind, "dist");
    for (const file of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".js")) continue;
      for (const [, name] of readFileSync(join(dist, file), "utf8").matchAll(/faultPoint\("([\w.]+)"\)/g)) {
        found.add(name!);
      }
    }
  }
  return [...found].sort();
}

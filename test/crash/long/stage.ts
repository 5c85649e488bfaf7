import { join } from "node:path";
import { reservePorts, startPostgres, startRedis } from "@quarterpast/stack/servers";
import { shardOf } from "@quarterpast/domain";
import {
  createKey,
  createPool,
  ensureAccount,
  ensureMeter,
  ensureShards,
  migrate,
  type Pool,
} from "@quarterpast/store";
import { createManaged, type Managed, type ServiceKind } from "../managed.js";
import { createClock, put, SANDBOX_KEY, serverHandle, startSandbox } from "../servers.js";
import { PREFIX, TOKEN } from "../world.js";

/** The hour in which all usage of these runs begins. */
export const HOUR_MS = 3_600_000;
export const FIRST_MS = Date.parse("2026-03-01T10:00:00Z");

export interface StageOptions {
  /** Folder of the product's compiled code. */
  root: string;
  dir: string;
  /** Instances, each with its own customer, of one meter that sums. */
  instances: number;
  services: Record<ServiceKind, number>;
  /** Settings of single services in addition to the usual ones. */
  env?: Partial<Record<ServiceKind, Record<string, string>>>;
  say: (line: string) => void;
}

/** Real servers, the sandbox and services without faults, with a clock that is stopped at the start. */
export interface Stage {
  pool: Pool;
  redisUrl: string;
  collectors: string[];
  clock: ReturnType<typeof createClock>;
  start(kind: ServiceKind): Promise<void>;
  setFaults(rules: object[]): Promise<void>;
  /** What the marketplace holds as valid. */
  validTotals(): Promise<ValidTotal[]>;
  end(): Promise<void>;
}

/** Valid records of an instance that begin in one hour. */
export interface ValidTotal {
  instance_id: string;
  hour: string;
  usage: string;
  records: number;
}

export const instanceId = (no: number): string => `i-${no}`;
export const subjectOf = (no: number): string => `customer-${no}`;

/** Starts servers and prepares the ledger; services start on request. */
export async function openStage({
  root,
  dir,
  instances,
  services: counts,
  env,
  say,
}: StageOptions): Promise<Stage> {
  const [redisPort, postgresPort, ...ports] = (await reservePorts(2 + counts.collector)) as [
    number,
    number,
    ...number[],
  ];
  const redis = await serverHandle("redis", () =>
    startRedis({ dataDir: join(dir, "redis"), port: redisPort }),
  );
  const postgres = await serverHandle("postgres", () =>
    startPostgres({ dataDir: join(dir, "postgres"), port: postgresPort }),
  );
  const databaseUrl = postgres.url();
  await migrate(databaseUrl);
  const pool = createPool({ databaseUrl, applicationName: "long run", max: 4, onError: () => {} });
  const sandbox = await startSandbox(root, dir);
  const clock = createClock(pool, sandbox.url, 0, FIRST_MS + HOUR_MS / 2);
  await prepareLedger(pool, instances);
  await clock.setRate(0);
  const collectors: string[] = [];
  const settingsOf = (kind: ServiceKind, name: string, no: number): Record<string, string> => {
    const common = {
      PORT: kind === "collector" ? String(ports[no]) : "0",
      QUEUE_PREFIX: PREFIX,
      DATABASE_URL: databaseUrl,
      REDIS_URL: redis.url(),
      ...env?.[kind],
    };
    if (kind === "collector") {
      collectors.push(`http://127.0.0.1:${common.PORT}`);
      return { ...common, COLLECTOR_DATA_DIR: join(dir, `${name}-journal`) };
    }
    const marketplace = {
      MARKETPLACE_URL: sandbox.url,
      MARKETPLACE_KEY: SANDBOX_KEY,
      MARKETPLACE_STATEMENT_PATH: "/sandbox/sdr",
    };
    return kind === "reporter" ? { ...common, ...marketplace, PROOF_DIR: join(dir, "proofs") } : common;
  };
  const services: Managed[] = (["collector", "aggregator", "reporter"] as const).flatMap((kind) =>
    Array.from({ length: counts[kind] }, (_, no) => {
      const name = `${kind}-${no}`;
      const settings = settingsOf(kind, name, no);
      const main = join(root, "services", kind, "dist", "main.js");
      return createManaged({
        kind,
        name,
        main,
        cwd: root,
        env: () => settings,
        logFile: join(dir, `${name}.log`),
        restartAfterMs: () => 500,
      });
    }),
  );
  say(`${instances} instances prepared`);
  return {
    pool,
    redisUrl: redis.url(),
    collectors,
    clock,
    start: async (kind) =>
      void (await Promise.all(services.filter((one) => one.kind === kind).map((one) => one.start()))),
    setFaults: (rules) => put(`${sandbox.url}/sandbox/faults`, rules),
    validTotals: () => readTotals(sandbox.url),
    async end() {
      await Promise.all(services.map((service) => service.stop()));
      sandbox.child.kill("SIGTERM");
      await pool.end().catch(() => {});
      await redis.stop();
      await postgres.stop();
    },
  };
}

/** Inserts the instances directly, because these runs do not test how they are created. */
async function prepareLedger(pool: Pool, instances: number): Promise<void> {
  const start = FIRST_MS * 1_000;
  const { accountNo } = await ensureAccount(
    pool,
    { code: "koogallery-cn", marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 },
    start,
  );
  await ensureShards(pool, start);
  await ensureMeter(pool, { code: "tokens", aggregation: "sum", unit: "token", scale: 6 }, start);
  await createKey(pool, { keyId: "crashkey", name: "long run", role: "operator", token: TOKEN }, start);
  const ids = Array.from({ length: instances }, (_, no) => instanceId(no));
  await pool.query(
    `INSERT INTO instances (account_no, instance_id, product, meter_no, subject, shard, cycle, opened, created_at)
     SELECT $1::smallint, id, 'product', m.meter_no, subject, shard, 'hourly', $5::timestamptz, $5::timestamptz
     FROM unnest($2::text[], $3::text[], $4::smallint[]) AS t (id, subject, shard), meters m WHERE m.code = 'tokens'`,
    [
      accountNo,
      ids,
      ids.map((_, no) => subjectOf(no)),
      ids.map((id) => shardOf(id)),
      new Date(FIRST_MS - 48 * HOUR_MS),
    ],
  );
}

async function readTotals(url: string): Promise<ValidTotal[]> {
  const response = await fetch(`${url}/sandbox/totals?by=hour`);
  return ((await response.json()) as { totals: ValidTotal[] }).totals;
}

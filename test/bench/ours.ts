import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HOUR, hourOf } from "@quarterpast/domain";
import { nodeFlagsOf } from "@quarterpast/runtime";
import {
  addInstance,
  createKey,
  createPool,
  ensureAccount,
  ensureMeter,
  ensureShards,
  migrate,
  setClock,
  type Pool,
} from "@quarterpast/store";
import pg from "pg";
import { METER, subjectOf, SUBJECTS } from "./bodies.js";
import { startChild, type Child } from "./child.js";
import { untilCounted } from "./counted.js";
import { sendLoad, type LoadOrder, type LoadReport } from "./load.js";
import type { Servers } from "./servers.js";

const ROOT = new URL("../../../", import.meta.url);
const TOKEN = "qp_benchkey_0123456789abcdef0123456789abcdef";

/** Our collector and aggregator with their own database. */
export interface Ours {
  db: pg.Client;
  collector: Child;
  aggregator: Child;
  /** Sends load, and returns its report when all of it is answered. */
  send(
    order: Pick<LoadOrder, "eventsPerRequest" | "connections" | "requests" | "rate" | "withTimes">,
  ): Promise<LoadReport>;
  /** Waits until everything sent is counted; returns when that was seen. */
  drained(): Promise<number>;
  /** All events counted so far. */
  counted(): Promise<number>;
  stop(): Promise<void>;
}

export const COUNTED = "SELECT COALESCE(sum(events), 0)::float8 AS events FROM hour_usage";

/** Starts both with a prepared ledger. `execArgv` are flags by the name of the service. */
export async function startOurs(
  servers: Servers,
  execArgv: Partial<Record<"collector" | "aggregator", string[]>> = {},
): Promise<Ours> {
  const name = `ours_${Math.random().toString(36).slice(2, 8)}`;
  const databaseUrl = await servers.createDatabase(name);
  await prepare(databaseUrl);
  const env = { DATABASE_URL: databaseUrl, REDIS_URL: servers.redisUrl, QUEUE_PREFIX: `{${name}}` };
  const main = (service: string) => fileURLToPath(new URL(`services/${service}/dist/main.js`, ROOT));
  const log = join(servers.dir, "ours.log");
  const journal = { COLLECTOR_DATA_DIR: join(servers.dir, name) };
  const collector = await startChild(main("collector"), { ...env, ...journal }, log, [
    ...nodeFlagsOf("collector"),
    ...(execArgv.collector ?? []),
  ]);
  const aggregator = await startChild(main("aggregator"), env, log, [
    ...nodeFlagsOf("aggregator"),
    ...(execArgv.aggregator ?? []),
  ]);
  const db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
  let sent = 0;
  return {
    db,
    collector,
    aggregator,
    send(order) {
      sent += order.requests * order.eventsPerRequest;
      const type = order.eventsPerRequest === 1 ? "cloudevents" : "cloudevents-batch";
      const headers = { authorization: `Bearer ${TOKEN}`, "content-type": `application/${type}+json` };
      return sendLoad({ ...order, port: collector.port!, path: "/v1/events", headers });
    },
    drained: () => untilCounted(db, COUNTED, sent),
    counted: async () => (await db.query<{ events: number }>(COUNTED)).rows[0]!.events,
    async stop() {
      await collector.stop();
      await aggregator.stop();
      await db.end();
    },
  };
}

async function prepare(databaseUrl: string): Promise<void> {
  await migrate(databaseUrl);
  const pool = createPool({ databaseUrl, applicationName: "bench", max: 4, onError: () => {} });
  const now = Date.now() * 1_000;
  const account = await ensureAccount(
    pool,
    { code: "bench", marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 },
    now,
  );
  const { accountNo } = account;
  await ensureShards(pool, hourOf(now) - HOUR);
  await setClock(pool, { realAnchor: now, productAnchor: now, rate: 1 });
  await createKey(pool, { keyId: "benchkey", name: "bench", role: "ingest", token: TOKEN }, now);
  await ensureMeter(pool, { code: METER, aggregation: "sum", unit: "token", scale: 0 }, now);
  await addInstances(pool, accountNo, hourOf(now) - 48 * HOUR);
  await pool.end();
}

async function addInstances(pool: Pool, accountNo: number, opened: number): Promise<void> {
  const indexes = Array.from({ length: SUBJECTS }, (_, index) => index).values();
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (const index of indexes) {
        const instance = { accountNo, instanceId: `i-${index}`, product: "llm", meter: METER, opened };
        await addInstance(pool, { ...instance, subject: subjectOf(index) }, opened);
      }
    }),
  );
}

/** Events per second from the first request to the last commit. */
export async function measureOurs(
  ours: Ours,
  {
    eventsPerRequest,
    connections,
    events,
  }: { eventsPerRequest: number; connections: number; events: number },
): Promise<number> {
  const requests = Math.ceil(events / eventsPerRequest);
  const { startedAt } = await ours.send({ eventsPerRequest, connections, requests });
  const endedAt = await ours.drained();
  return (requests * eventsPerRequest * 1_000) / (endedAt - startedAt);
}

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { startChild } from "./child.js";
import { untilCounted } from "./counted.js";
import { sendLoad } from "./load.js";
import type { Servers } from "./servers.js";

/** The concurrencies to try; the best result counts. */
export const CONCURRENCIES = [10, 50, 200];
const CONNECTIONS = 128;

const TABLES = `
CREATE TABLE naive_events (source text, id text, meter text, subject text, time timestamptz, quantity numeric,
  PRIMARY KEY (source, id));
CREATE TABLE naive_hours (subject text, meter text, hour timestamptz, quantity numeric, events bigint,
  PRIMARY KEY (subject, meter, hour))`;

/** Events per second of the naive pipeline from the first request to the last commit, at one concurrency. */
export async function measureNaive(servers: Servers, concurrency: number, events: number): Promise<number> {
  const name = `naive_${concurrency}_${Math.random().toString(36).slice(2, 8)}`;
  const databaseUrl = await servers.createDatabase(name);
  const db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
  await db.query(TABLES);
  const env = {
    CONCURRENCY: String(concurrency),
    DATABASE_URL: databaseUrl,
    REDIS_URL: servers.redisUrl,
    QUEUE_PREFIX: `{${name}}`,
  };
  const log = join(servers.dir, "naive.log");
  const main = (file: string) => fileURLToPath(new URL(file, import.meta.url));
  const collector = await startChild(main("./naiveCollector.js"), env, log);
  const worker = await startChild(main("./naiveWorker.js"), env, log);
  const load = (requests: number) =>
    sendLoad({
      port: collector.port!,
      path: "/events",
      headers: { "content-type": "application/json" },
      eventsPerRequest: 1,
      connections: CONNECTIONS,
      requests,
    });
  const counted = "SELECT COALESCE(sum(events), 0)::float8 AS events FROM naive_hours";
  try {
    const warm = Math.ceil(events / 2);
    await load(warm);
    await untilCounted(db, counted, warm);
    const { startedAt } = await load(events);
    const endedAt = await untilCounted(db, counted, warm + events);
    return (events * 1_000) / (endedAt - startedAt);
  } finally {
    await collector.stop();
    await worker.stop();
    await db.end();
  }
}

import { once } from "node:events";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { uuidV7 } from "@quarterpast/client";
import { Redis } from "ioredis";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { createBodyMaker } from "./bodies.js";
import { startChild } from "./child.js";
import { sendLoad } from "./load.js";
import type { Servers } from "./servers.js";

/** An event's row as the ledger stores it, without the columns that only some events use. */
const TABLE = `CREATE TABLE ceiling (key uuid, occurred timestamptz, bill_hour timestamptz, source_no integer,
  instance_no integer, quantity numeric, PRIMARY KEY (source_no, key))`;
const BATCH = 1_000;
const HOUR_MS = 3_600_000;

interface Row {
  key: string;
  occurred: string;
  billHour: string;
  instanceNo: number;
  quantity: number;
}

function makeRows(count: number): Row[] {
  const now = Date.now();
  const billHour = new Date(Math.floor(now / HOUR_MS) * HOUR_MS).toISOString();
  const random = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
  const rows = Array.from({ length: count }, (_, at) => ({
    key: uuidV7(now + Math.floor(at / 100), random),
    occurred: new Date(now - Math.floor(Math.random() * 60_000)).toISOString(),
    billHour,
    instanceNo: 1 + Math.floor(Math.random() * 1_000),
    quantity: 1 + Math.floor(Math.random() * 9_999),
  }));
  // Sorted like our batches, so that both pay the same for the index.
  for (let from = 0; from < count; from += BATCH) {
    const sorted = rows.slice(from, from + BATCH).sort((a, b) => (a.key < b.key ? -1 : 1));
    rows.splice(from, BATCH, ...sorted);
  }
  return rows;
}

async function inFreshTable<T>(servers: Servers, work: (db: pg.Client) => Promise<T>): Promise<T> {
  const name = `ceiling_${Math.random().toString(36).slice(2, 8)}`;
  const db = new pg.Client({ connectionString: await servers.createDatabase(name) });
  await db.connect();
  try {
    await db.query(TABLE);
    return await work(db);
  } finally {
    await db.end();
  }
}

/** Rows per second of one COPY of all rows, in one transaction, into a table with the ledger's unique key. */
export async function measureCopy(servers: Servers, events: number): Promise<number> {
  const chunks: Buffer[] = [];
  const rows = makeRows(events);
  for (let from = 0; from < events; from += BATCH) {
    const lines = rows
      .slice(from, from + BATCH)
      .map((row) => `${row.key}\t${row.occurred}\t${row.billHour}\t1\t${row.instanceNo}\t${row.quantity}\n`);
    chunks.push(Buffer.from(lines.join(""), "utf8"));
  }
  return inFreshTable(servers, async (db) => {
    const started = performance.now();
    await pipeline(Readable.from(chunks), db.query(copyFrom("COPY ceiling FROM STDIN")));
    return perSecond(events, started);
  });
}

/** Rows per second of batches of 1,000 through only INSERT … ON CONFLICT, one transaction each, on one connection. */
export async function measureUpsert(servers: Servers, events: number): Promise<number> {
  const rows = makeRows(events);
  const batches: unknown[][] = [];
  for (let from = 0; from < events; from += BATCH) {
    const batch = rows.slice(from, from + BATCH);
    batches.push([
      batch.map(({ key }) => key),
      batch.map(({ occurred }) => occurred),
      batch.map(({ billHour }) => billHour),
      batch.map(({ instanceNo }) => instanceNo),
      batch.map(({ quantity }) => quantity),
    ]);
  }
  return inFreshTable(servers, async (db) => {
    const started = performance.now();
    for (const values of batches) {
      await db.query({
        name: "upsert",
        text: `INSERT INTO ceiling (key, occurred, bill_hour, source_no, instance_no, quantity)
          SELECT k, o, b, 1, i, q FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::integer[], $5::numeric[])
            AS t (k, o, b, i, q) ON CONFLICT DO NOTHING`,
        values,
      });
    }
    return perSecond(events, started);
  });
}

/** Events per second of LPUSH of bodies of 1,000 events, answered when they are on disk, eight concurrent calls. */
export async function measureRedis(servers: Servers, events: number): Promise<number> {
  const redis = new Redis(servers.redisUrl);
  await once(redis, "ready");
  const bodies = createBodyMaker(BATCH, 16);
  const started = performance.now();
  let left = Math.ceil(events / BATCH);
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (left-- > 0) await redis.lpush("{ceiling}", bodies.next());
    }),
  );
  const rate = perSecond(events, started);
  await redis.del("{ceiling}");
  redis.disconnect();
  return rate;
}

/**
 * Requests per second, one event each, of the product's HTTP server with no work behind it.
 * @param route the one that the collector has, or one of the framework
 */
export async function measureHttp(
  servers: Servers,
  events: number,
  route: "bare" | "fastify" = "bare",
): Promise<number> {
  const main = fileURLToPath(new URL("./httpOnly.js", import.meta.url));
  const server = await startChild(main, { ROUTE: route }, join(servers.dir, "http.log"));
  const order = {
    port: server.port!,
    path: "/v1/events",
    headers: { "content-type": "application/cloudevents+json" },
    eventsPerRequest: 1,
    connections: 128,
  };
  try {
    await sendLoad({ ...order, requests: Math.ceil(events / 10) });
    const { startedAt, endedAt } = await sendLoad({ ...order, requests: events });
    return (events * 1_000) / (endedAt - startedAt);
  } finally {
    await server.stop();
  }
}

function perSecond(count: number, started: number): number {
  return (count * 1_000) / (performance.now() - started);
}

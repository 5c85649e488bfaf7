import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onOwnPort, startPostgres, startRedis } from "@quarterpast/stack/servers";
import { Redis } from "ioredis";
import pg from "pg";

/** Postgres and Redis of one run, configured like those of `quarterpast up`. */
export interface Servers {
  databaseUrl: string;
  redisUrl: string;
  /** A folder on the same disk. */
  dir: string;
  versions: { postgres: string; redis: string };
  pids: { postgres: number; redis: number };
  /** Creates an empty database; returns its address. */
  createDatabase(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** Starts both in a temporary folder, which `stop` removes. */
export async function startServers(): Promise<Servers> {
  const dir = mkdtempSync(join(tmpdir(), "quarterpast-bench-"));
  const postgres = await onOwnPort((port) =>
    startPostgres({
      dataDir: join(dir, "postgres"),
      // Its data stays in the folder, which is removed after the run, even if Postgres runs as another user.
      ownDir: dir,
      port,
      // The naive pipeline uses up to 200 connections.
      settings: { max_connections: 260 },
    }),
  );
  const redis = await onOwnPort((port) => startRedis({ dataDir: join(dir, "redis"), port }));
  return {
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    dir,
    pids: { postgres: postgres.pid, redis: redis.pid },
    versions: await readVersions(postgres.url, redis.url),
    async createDatabase(name) {
      await query(postgres.url, `CREATE DATABASE ${name}`);
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      return url.href;
    },
    async stop() {
      await Promise.allSettled([postgres.stop(), redis.stop()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function readVersions(databaseUrl: string, redisUrl: string): Promise<Servers["versions"]> {
  const [{ server_version: postgres }] = (await query(databaseUrl, "SHOW server_version")) as [
    { server_version: string },
  ];
  const client = new Redis(redisUrl);
  const redis = /redis_version:(\S+)/.exec(await client.info("server"))?.[1] ?? "unknown";
  client.disconnect();
  return { postgres, redis };
}

/** Runs one statement on a separate connection. */
export async function query(databaseUrl: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

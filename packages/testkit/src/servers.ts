import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DURABLE,
  hasDocker,
  onOwnPort,
  startPostgres,
  startRedis,
  type RedisConfig,
  type RunningServer,
} from "@quarterpast/stack/servers";

/** Postgres and Redis for a test run. */
export interface TestServers {
  /** Of a user who may create databases. */
  databaseUrl: string;
  redisUrl: string;
  /** Where they come from, for the test report. */
  source: string;
  stop(): Promise<void>;
}

interface One {
  url: string;
  /** `environment`, `testcontainers`, `embedded`, or the folder of its programs. */
  source: string;
  stop(): Promise<void>;
}

/**
 * Servers for tests: those named by TEST_DATABASE_URL and TEST_REDIS_URL, else containers if a Docker engine answers,
 * else embedded ones in a temporary folder. QUARTERPAST_TEST_SERVERS=embedded skips Docker. TEST_POSTGRES_BIN names the
 * folder of another Postgres's programs (/usr/lib/postgresql/15/bin), which are then started instead of the embedded 18.
 */
export async function acquireServers(env: NodeJS.ProcessEnv = process.env): Promise<TestServers> {
  const { TEST_DATABASE_URL: databaseUrl, TEST_REDIS_URL: redisUrl } = env;
  const isAllNamed = Boolean(databaseUrl && redisUrl);
  const programs = env.TEST_POSTGRES_BIN || undefined;
  const inDocker = !isAllNamed && env.QUARTERPAST_TEST_SERVERS !== "embedded" && (await hasDocker());
  const started = await Promise.allSettled([
    databaseUrl
      ? named(databaseUrl)
      : inDocker && programs === undefined
        ? orEmbedded(postgresContainer, embeddedPostgres)
        : embeddedPostgres(programs),
    redisUrl ? named(redisUrl) : inDocker ? orEmbedded(redisContainer, embeddedRedis) : embeddedRedis(),
  ]);
  const running = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const stop = async () => void (await Promise.allSettled(running.map((one) => one.stop())));
  const [postgres, redis] = running;
  if (!postgres || !redis) {
    await stop();
    throw (started.find((one) => one.status === "rejected") as PromiseRejectedResult).reason;
  }
  return {
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    source: `Postgres: ${postgres.source}, Redis: ${redis.source}`,
    stop,
  };
}

async function named(url: string): Promise<One> {
  return { url, source: "environment", stop: async () => {} };
}

/** A Docker engine that answers may still have no images and no way to pull them. */
async function orEmbedded(container: () => Promise<One>, embedded: () => Promise<One>): Promise<One> {
  try {
    return await container();
  } catch (error) {
    process.stderr.write(
      `no container (${(error as Error).message.split("\n")[0]}); using an embedded server\n`,
    );
    return embedded();
  }
}

async function postgresContainer(): Promise<One> {
  const { GenericContainer, Wait } = await import("testcontainers");
  const password = randomBytes(12).toString("hex");
  const container = await new GenericContainer("postgres:17-alpine")
    .withEnvironment({
      POSTGRES_USER: "quarterpast",
      POSTGRES_DB: "quarterpast",
      POSTGRES_PASSWORD: password,
    })
    .withCommand(["postgres", "-c", "max_connections=200"])
    .withExposedPorts(5432)
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/, 2))
    .start();
  const place = `${container.getHost()}:${container.getMappedPort(5432)}`;
  const url = `postgres://quarterpast:${password}@${place}/quarterpast`;
  return { url, source: "testcontainers", stop: async () => void (await container.stop()) };
}

async function redisContainer(): Promise<One> {
  const { GenericContainer, Wait } = await import("testcontainers");
  const settings = Object.entries(DURABLE).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const container = await new GenericContainer("redis:7-alpine")
    .withCommand(["redis-server", ...settings])
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start();
  const url = `redis://${container.getHost()}:${container.getMappedPort(6379)}`;
  return { url, source: "testcontainers", stop: async () => void (await container.stop()) };
}

/** A killed server loses nothing by these, only a power cut would; a database of each test costs half as much. */
const NOT_FLUSHED = { fsync: "off", full_page_writes: "off" };

async function embeddedPostgres(programs?: string): Promise<One> {
  const server = await startTestPostgres({
    settings: NOT_FLUSHED,
    ...(programs !== undefined && { programs }),
  });
  return { url: server.url, source: programs ?? "embedded", stop: () => server.stop() };
}

/** Starts a Postgres of the test's own in a temporary folder; as durable as the product's unless `settings` say otherwise. */
export async function startTestPostgres(
  options: { settings?: Record<string, string>; programs?: string } = {},
): Promise<RunningServer> {
  return inTemporaryDir("postgres", (dataDir, port) => startPostgres({ dataDir, port, ...options }));
}

async function embeddedRedis(): Promise<One> {
  const server = await startTestRedis();
  return { url: server.url, source: "embedded", stop: () => server.stop() };
}

/** A Redis for one test, to be stopped, killed, or configured differently. `stop` also removes its files. */
export interface TestRedis extends RunningServer {
  /** Ends it by SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
  dataDir: string;
}

/** Starts a Redis for one test in a temporary folder. To start it again after `kill`: `startRedis` on its folder. */
export async function startTestRedis(options: { config?: RedisConfig } = {}): Promise<TestRedis> {
  let folder = "";
  const server = await inTemporaryDir("redis", (dataDir, port) => {
    folder = dataDir;
    return startRedis({ dataDir, port, config: options.config });
  });
  return {
    ...server,
    dataDir: folder,
    async kill() {
      process.kill(server.pid, "SIGKILL");
      await server.exited;
    },
  };
}

async function inTemporaryDir(
  name: string,
  start: (dataDir: string, port: number) => Promise<RunningServer>,
): Promise<RunningServer> {
  const dir = mkdtempSync(join(tmpdir(), `quarterpast-${name}-`));
  const remove = () => rmSync(dir, { recursive: true, force: true });
  try {
    const server = await onOwnPort((port) => start(dir, port));
    const endReaper = reapAfterUs(server.pid, dir);
    const stop = async () => {
      endReaper();
      await server.stop().finally(remove);
    };
    return { ...server, stop };
  } catch (error) {
    remove();
    throw error;
  }
}

/** The reaper's script: it reads until this process has ended, then ends the server and removes its files. */
const REAPER = 'cat >/dev/null; kill -QUIT "$1"; sleep 1; kill -KILL "$1"; rm -rf "$2"';

/** Makes the server end with this process, even if that is killed. Returns the function that cancels this. */
function reapAfterUs(pid: number, dir: string): () => void {
  if (process.platform === "win32") return () => {};
  const reaper = spawn("/bin/sh", ["-c", REAPER, "sh", String(pid), dir], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  reaper.unref();
  (reaper.stdin as Socket).unref();
  return () => void reaper.kill("SIGKILL");
}

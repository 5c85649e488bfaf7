import { connect } from "node:net";
import { join } from "node:path";
import { StackError } from "../errors.js";
import { startPostgres, type RunningServer } from "../servers/postgres.js";
import { startRedis } from "../servers/redis.js";
import type { Text } from "@quarterpast/runtime";
import type { StartContext } from "./context.js";
import { supervise, type Supervised } from "./supervisor.js";

/** Postgres or Redis: ours, or one named by the environment. */
export interface Server {
  url: string;
  /** Undefined if it is not ours to run. */
  part: Supervised | undefined;
}

/**
 * Starts Postgres, or uses the one of DATABASE_URL.
 * @throws StackError
 */
export async function openPostgres(context: StartContext): Promise<Server> {
  const { settings, places, ports } = context;
  if (settings.DATABASE_URL) return { url: settings.DATABASE_URL, part: undefined };
  const onLog = plainly(context.tell);
  const options = { dataDir: places.postgres, ownDir: places.dir, port: ports.postgres, onLog };
  return keepServer(context, "postgres", join(places.postgres, "postgres.log"), () => startPostgres(options));
}

/**
 * Starts Redis, or uses the one of REDIS_URL.
 * @throws StackError; `unavailable` if the named one does not answer.
 */
export async function openRedis(context: StartContext): Promise<Server> {
  const { settings, places, ports } = context;
  if (settings.REDIS_URL) {
    await probe(settings.REDIS_URL);
    return { url: settings.REDIS_URL, part: undefined };
  }
  const options = { dataDir: places.redis, port: ports.redis, onLog: plainly(context.tell) };
  return keepServer(context, "redis", join(places.redis, "redis.log"), () => startRedis(options));
}

async function keepServer(
  { tell, onPart }: StartContext,
  name: string,
  logFile: string,
  startServer: () => Promise<RunningServer>,
): Promise<Server> {
  let url = "";
  const start = async () => {
    const server = await startServer();
    url = server.url;
    return server;
  };
  const part = await supervise({ name, logFile, start }, { tell });
  onPart(part);
  return { url, part };
}

/** Progress messages of the servers are only in English. */
function plainly(tell: (text: Text) => void): (line: string) => void {
  return (line) => tell({ en: line, zh: line });
}

async function probe(redisUrl: string): Promise<void> {
  const { hostname, port, host } = new URL(redisUrl);
  const problem = await new Promise<Error | undefined>((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: Number(port || 6379),
      timeout: 5_000,
    });
    const end = (error?: Error) => {
      socket.destroy();
      resolve(error);
    };
    socket.once("connect", () => end());
    socket.once("timeout", () => end(new Error("no answer within 5 s")));
    socket.once("error", end);
  });
  if (!problem) return;
  const why = (problem as { code?: string }).code ?? problem.message;
  throw new StackError(
    "unavailable",
    {
      en: `Redis at ${host} does not answer (${why}): check REDIS_URL`,
      zh: `${host} 上的 Redis 没有应答（${why}）：请检查 REDIS_URL`,
    },
    problem,
  );
}

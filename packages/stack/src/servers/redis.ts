import { execFileSync, type ChildProcess } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { diskFull, explainFileError, portInUse, startFailed } from "../errors.js";
import { lockDir } from "./lock.js";
import { keepPassword } from "./password.js";
import { isPortFree } from "./ports.js";
import type { RunningServer, ServerOptions } from "./postgres.js";
import { endProcess, exitOf, isServerOf, logSince, sizeOf, spawnServer } from "./processes.js";
import { DURABLE, redisConf, type RedisConfig, type RedisProgram } from "./redisConfig.js";
import { findRedis } from "./redisFind.js";

/** Loading a large append-only file may take minutes. */
const START_WITHIN_MS = 300_000;
const STOP: [NodeJS.Signals, number][] = [["SIGTERM", 10_000]];

/**
 * Starts a Redis on 127.0.0.1 that has on disk what it acknowledged (appendfsync always, noeviction), with a
 * generated password. First stops one left over from a killed parent.
 * @param options `config` are further settings, or replacements, by name; `program` is a Redis found before by
 *   `findRedis`.
 * @throws StackError
 */
export async function startRedis(
  options: ServerOptions & { config?: RedisConfig; program?: RedisProgram },
): Promise<RunningServer> {
  const { port, onLog = () => {} } = options;
  const dir = makeDir(options.dataDir);
  const unlock = lockDir(dir, join(dir, "lock"));
  try {
    const program = options.program ?? (await findRedis(onLog));
    await endLeftover(dir, onLog);
    if (!(await isPortFree(port))) throw portInUse("Redis", port);
    return await run(program, dir, port, options.config ?? {}, unlock);
  } catch (error) {
    unlock();
    throw explainFileError(error, dir);
  }
}

function makeDir(dataDir: string): string {
  const dir = resolve(dataDir);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    return realpathSync(dir);
  } catch (error) {
    throw explainFileError(error, dir);
  }
}

async function run(
  program: RedisProgram,
  dir: string,
  port: number,
  config: RedisConfig,
  unlock: () => void,
): Promise<RunningServer> {
  const password = keepPassword(join(dir, "password"));
  const logFile = join(dir, "redis.log");
  const logFrom = sizeOf(logFile);
  const inDocker = program.kind === "docker";
  const place = inDocker ? { bind: "0.0.0.0", port: 6379, dir: "/data" } : { bind: "127.0.0.1", port, dir };
  // Redis in Docker writes no pid file, because its pid would be the container's.
  const pidfile: RedisConfig = inDocker ? {} : { pidfile: join(dir, "redis.pid") };
  const settings = { ...place, ...pidfile, daemonize: "no", requirepass: password, ...DURABLE, ...config };
  writeFileSync(join(dir, "redis.conf"), redisConf(settings), { mode: 0o600 });

  const container = `quarterpast-redis-${port}`;
  const child = inDocker
    ? startContainer(program.image, container, dir, port, logFile)
    : startProgram(program, dir, logFile);
  let hasEnded = false;
  const exited = exitOf(child).then((code) => {
    hasEnded = true;
    unlock();
    return code;
  });
  const url = `redis://:${password}@127.0.0.1:${port}`;
  const stop = async () => {
    if (!hasEnded && inDocker) docker(["stop", container]);
    else if (!hasEnded && child.pid !== undefined) await endProcess(child.pid, STOP);
    await exited;
  };
  try {
    await waitUntilReady(url, () => hasEnded);
  } catch (error) {
    await stop();
    throw explain(logSince(logFile, logFrom), logFile, port, error);
  }
  return { url, port, pid: child.pid!, stop, exited };
}

function startProgram(
  program: RedisProgram & { kind: "program" },
  dir: string,
  logFile: string,
): ChildProcess {
  const libraries = program.libraryPath ? { LD_LIBRARY_PATH: program.libraryPath } : {};
  const env = { PATH: process.env.PATH, LC_ALL: "C", ...libraries };
  return spawnServer(program.program, [join(dir, "redis.conf")], { logFile, env, cwd: dir });
}

function startContainer(
  image: string,
  name: string,
  dir: string,
  port: number,
  logFile: string,
): ChildProcess {
  docker(["rm", "-f", name]);
  const user = process.getuid ? ["--user", `${process.getuid()}:${process.getgid!()}`] : [];
  const args = ["run", "--rm", "--name", name, ...user, "-p", `127.0.0.1:${port}:6379`, "-v", `${dir}:/data`];
  args.push(image, "redis-server", "/data/redis.conf");
  return spawnServer("docker", args, { logFile, env: process.env, cwd: dir });
}

function docker(args: string[]): void {
  try {
    execFileSync("docker", args, { stdio: "ignore", timeout: 30_000 });
  } catch {
    // No such container: nothing to end.
  }
}

/** The caller holds the lock, so no living stack owns what is found. */
async function endLeftover(dir: string, say: (line: string) => void): Promise<void> {
  let pid: number;
  try {
    pid = Number(readFileSync(join(dir, "redis.pid"), "utf8"));
  } catch {
    return;
  }
  // Debian's redis-server is a link to redis-check-rdb: one program with several names.
  if (!(pid > 1) || !isServerOf(pid, /\/(redis|valkey)-[\w-]+$/, dir)) return;
  say(`stopping Redis ${pid}, left over from an earlier run`);
  await endProcess(pid, STOP);
}

async function waitUntilReady(url: string, hasEnded: () => boolean): Promise<void> {
  for (const until = Date.now() + START_WITHIN_MS; ; await delay(25)) {
    if (hasEnded()) throw new Error("it ended");
    const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 5_000 });
    let refusal: Error | undefined;
    client.on("error", (error: Error) => (refusal = error));
    try {
      await client.connect();
      await client.ping();
      return;
    } catch (error) {
      const told = String(refusal ?? error);
      if (Date.now() > until || /WRONGPASS|NOAUTH/.test(told)) throw error;
    } finally {
      client.disconnect();
    }
  }
}

function explain(log: string, logFile: string, port: number, error: unknown): Error {
  if (/No space left on device/.test(log)) return diskFull(logFile, error);
  if (/Address already in use/.test(log)) return portInUse("Redis", port);
  const lines = log.trim().split("\n").filter(Boolean);
  const config = /\*\*\* FATAL.*\n.*\n>>> (.*)\n(.*)/.exec(log);
  const reason = config ? `${config[1]}: ${config[2]}` : (lines.at(-1) ?? (error as Error).message);
  return startFailed("Redis", reason.trim(), logFile);
}

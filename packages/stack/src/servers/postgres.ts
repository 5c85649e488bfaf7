import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { diskFull, explainFileError, portInUse, startFailed } from "../errors.js";
import { lockDir } from "./lock.js";
import { keepPassword } from "./password.js";
import { findPostgres, installedPostgres } from "./postgresBinaries.js";
import { endLeftover, makeCluster, NAME, POSTGRES_ENV, POSTGRES_STOP } from "./postgresCluster.js";
import { findHome, type PostgresHome } from "./postgresHome.js";
import { isPortFree } from "./ports.js";
import { endProcess, exitOf, logSince, sizeOf, spawnServer } from "./processes.js";

/** A running server of ours. */
export interface RunningServer {
  /** How to connect, including the password. */
  url: string;
  port: number;
  pid: number;
  /** Ends it cleanly; resolves when it has ended. */
  stop(): Promise<void>;
  /** Resolves with the exit code when it has ended for any reason; null if by a signal. */
  exited: Promise<number | null>;
}

/** What a server is started with. */
export interface ServerOptions {
  /** The server's own folder; created if missing. */
  dataDir: string;
  port: number;
  /** Called with a line about anything slow or unusual. */
  onLog?: (line: string) => void;
}

/** Crash recovery of a large cluster may take minutes. */
const START_WITHIN_MS = 300_000;

/**
 * Starts an embedded Postgres 18 on 127.0.0.1: durable (fsync, synchronous commit, checksums), user and database
 * `quarterpast`, a generated password. Works as root (Postgres itself then runs as another user) and as an ordinary
 * user. First stops one left over from a killed parent.
 * @param options.ownDir the folder given as data directory, if it is above `dataDir`: root makes it passable (0711), so
 *   files in it must have their own modes.
 * @param options.settings further server settings by name.
 * @param options.programs folder of another Postgres's programs, such as /usr/lib/postgresql/15/bin.
 * @throws StackError
 */
export async function startPostgres(
  options: ServerOptions & { ownDir?: string; settings?: Record<string, string | number>; programs?: string },
): Promise<RunningServer> {
  const { dataDir, port, settings = {}, onLog = () => {} } = options;
  const home = findHome(dataDir, options.ownDir ?? dataDir, onLog);
  const unlock = lockDir(home.dir, join(home.dir, "lock"));
  try {
    const { programs } = options;
    const binaries = programs ? installedPostgres(programs) : await findPostgres(home.account, onLog);
    await endLeftover(home, onLog);
    if (!(await isPortFree(port))) throw portInUse("Postgres", port);
    const password = keepPassword(join(home.dir, "password"));
    await makeCluster(home, binaries, password);
    return await run(home, binaries.postgres, port, password, settings, unlock);
  } catch (error) {
    unlock();
    throw explainFileError(error, home.dir);
  }
}

async function run(
  home: PostgresHome,
  postgres: string,
  port: number,
  password: string,
  settings: Record<string, string | number>,
  unlock: () => void,
): Promise<RunningServer> {
  const logFile = join(home.dir, "postgres.log");
  const logFrom = sizeOf(logFile);
  const child = spawnServer(postgres, ["-D", home.data, ...serverArguments(port, settings)], {
    logFile,
    env: POSTGRES_ENV,
    cwd: "/",
    uid: home.account.uid,
    gid: home.account.gid,
  });
  let hasEnded = false;
  const exited = exitOf(child).then((code) => {
    hasEnded = true;
    unlock();
    return code;
  });
  const url = `postgres://${NAME}:${password}@127.0.0.1:${port}/${NAME}`;
  const stop = async () => {
    if (!hasEnded && child.pid !== undefined) await endProcess(child.pid, POSTGRES_STOP);
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

function serverArguments(port: number, settings: Record<string, string | number>): string[] {
  const all = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    fsync: "on",
    synchronous_commit: "on",
    full_page_writes: "on",
    max_connections: 200,
    ...settings,
  };
  return Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** Waits until the server answers, and creates the product's database if missing. */
async function waitUntilReady(url: string, hasEnded: () => boolean): Promise<void> {
  const admin = new URL(url);
  admin.pathname = "/postgres";
  for (const until = Date.now() + START_WITHIN_MS; ; await delay(25)) {
    if (hasEnded()) throw new Error("it ended");
    const client = new pg.Client({ connectionString: admin.href, connectionTimeoutMillis: 5_000 });
    client.on("error", () => {});
    try {
      await client.connect();
      const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [NAME]);
      if (rowCount === 0) await client.query(`CREATE DATABASE ${NAME}`);
      return;
    } catch (error) {
      if (Date.now() > until || isFinal(error)) throw error;
    } finally {
      await client.end().catch(() => {});
    }
  }
}

const CANNOT_CONNECT_NOW = "57P03";
const TOO_MANY_CONNECTIONS = "53300";

/**
 * A refusal by the server itself (its codes have five characters); any other error means that it does not listen yet.
 */
function isFinal(error: unknown): boolean {
  const code = (error as { code?: string }).code ?? "";
  return /^[0-9A-Z]{5}$/.test(code) && code !== CANNOT_CONNECT_NOW && code !== TOO_MANY_CONNECTIONS;
}

function explain(log: string, logFile: string, port: number, error: unknown): Error {
  if (/No space left on device|Disk quota exceeded/.test(log)) return diskFull(logFile, error);
  if (/Address already in use/.test(log)) return portInUse("Postgres", port);
  const reason = /(?:FATAL|PANIC):\s*(.*)/.exec(log)?.[1] ?? (error as Error).message;
  return startFailed("Postgres", reason, logFile);
}

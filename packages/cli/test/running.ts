import { execFile, fork, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { reservePort } from "@quarterpast/stack/servers";
import { createTestDatabase, testServers } from "@quarterpast/testkit";
import { createSandbox } from "@quarterpast/sandbox/koogallery";
import { createKey, createPool, ensureAccount, migrate, setClock } from "@quarterpast/store";

const BIN = fileURLToPath(new URL("../bin/quarterpast.mjs", import.meta.url));
const API_MAIN = fileURLToPath(import.meta.resolve("@quarterpast/api/main"));
const SANDBOX_KEY = "testAccessKey-0001";

/** The first run in a checkout builds, and says so first; bin.test.ts tests that. */
const BUILDING = /^(building …|正在构建……)\n/;

export const TOKEN = `qp_operator_${"0123456789abcdef".repeat(2)}`;

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command as a person would, without this process's environment. */
export function quarterpast(args: string[], env: Record<string, string> = {}, cwd?: string): Promise<Ended> {
  const { PATH = "", HOME = "" } = process.env;
  const options = { env: { PATH, HOME, ...env }, cwd, timeout: 60_000 };
  return new Promise((resolve) => {
    execFile(process.execPath, [BIN, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? -1);
      resolve({ code, stdout, stderr: stderr.replace(BUILDING, "") });
    });
  });
}

/** The api as a separate process, and a data directory whose stack file names it. */
export async function startRunningApi() {
  const { databaseUrl, redisUrl } = testServers();
  const database = await createTestDatabase(databaseUrl, {
    migrate: async (url) => void (await migrate(url)),
  });
  const pool = createPool({ databaseUrl: database.url, max: 2, applicationName: "test", onError: () => {} });
  const now = Date.now() * 1_000;
  await setClock(pool, { realAnchor: now, productAnchor: now, rate: 1 });
  await ensureAccount(
    pool,
    { code: "koogallery-cn", marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 },
    now,
  );
  await createKey(pool, { keyId: "operator", name: "operator", role: "operator", token: TOKEN }, now);
  const sandbox = await createSandbox({ key: SANDBOX_KEY });
  const port = await reservePort();
  const url = `http://127.0.0.1:${port}`;
  const api = await forkApi({
    PORT: String(port),
    LOG_LEVEL: "error",
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl,
    MARKETPLACE_URL: sandbox.url,
    MARKETPLACE_KEY: SANDBOX_KEY,
    COLLECTOR_URL: url,
    STOREFRONT_URL: url,
    API_URL: url,
  });
  const dataDir = await mkdtemp(join(tmpdir(), "quarterpast-cli-"));
  await writeFile(join(dataDir, "stack.json"), JSON.stringify({ ready: true, api: url, apiKey: TOKEN }), {
    mode: 0o600,
  });
  return {
    url,
    dataDir,
    pool,
    /** Ends only the api: the stack file stays, as after a crash. */
    stopApi: () => stop(api),
    async end() {
      await stop(api);
      await sandbox.close();
      await pool.end();
      await database.end();
      await rm(dataDir, { recursive: true });
    },
  };
}

function forkApi(env: Record<string, string>): Promise<ChildProcess> {
  const child = fork(API_MAIN, [], { env, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  return new Promise((resolve, reject) => {
    child.once("message", () => resolve(child));
    child.once("exit", (code) => reject(new Error(`the api ended with ${code}`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}

import { fork, type ChildProcess } from "node:child_process";
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatInstant, type Micros } from "@quarterpast/domain";
import { createSandbox, type Sandbox } from "@quarterpast/sandbox/koogallery";
import { reservePorts } from "@quarterpast/stack/servers";
import { createKey, setClock } from "@quarterpast/store";
import { openLedger, type Ledger } from "./ledger.js";
import { createTestRedisPrefix, testServers } from "./testServers.js";

const READY_WITHIN_MS = 60_000;

/** A service of ours as a real process, to be killed and restarted. */
export interface ServiceProcess {
  url: string;
  start(): Promise<void>;
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
  stop(): Promise<void>;
  /** The process while it runs. */
  process(): ChildProcess | undefined;
}

export function createService(
  name: string,
  port: number,
  env: Record<string, string>,
  logDir: string,
  execArgv: string[] = [],
): ServiceProcess {
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = new Promise((resolve) => ending.once("exit", resolve));
    ending.kill(signal);
    await gone;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    start: async () => {
      const log = createWriteStream(join(logDir, `${name}.log`), { flags: "a" });
      const started = fork(fileURLToPath(import.meta.resolve(`@quarterpast/${name}/main`)), [], {
        env: { PATH: process.env.PATH, PORT: String(port), ...env },
        execArgv,
        stdio: ["ignore", "pipe", "pipe", "ipc"],
      });
      started.stdout!.pipe(log);
      started.stderr!.pipe(log);
      child = started;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`${name} was not ready in time; see ${logDir}`)),
          READY_WITHIN_MS,
        );
        started.once("message", () => (clearTimeout(timer), resolve()));
        started.once(
          "exit",
          (code) => (clearTimeout(timer), reject(new Error(`${name} ended with ${code}; see ${logDir}`))),
        );
      });
    },
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    process: () => (child?.exitCode === null && child.signalCode === null ? child : undefined),
  };
}

export * from "./ledgerApi.js";

/** How a pipeline differs from the default one. */
export interface PipelineOptions {
  redisUrl?: string;
  /** Where the sandbox's shop finds the seller; by default there is no shop. */
  sellerUrl?: string;
  /** For Node, before the services' own code. */
  execArgv?: string[];
  /** Settings of the reporter in addition to those of the pipeline. */
  reporterEnv?: Record<string, string>;
  /** Text of a file that declares the accounts, given the sandbox's address; without it, the sandbox's account only. */
  accounts?: (sandboxUrl: string) => string;
  /** Whether the reporter proves its hours. */
  isProving?: boolean;
}

/** The key of the pipeline's sandbox. */
export const PIPELINE_KEY = "pipeline-key";

/** Collector, aggregator and reporter as processes over one test's ledger, with a sandbox in the test's own process. */
export interface Pipeline {
  ledger: Ledger;
  sandbox: Sandbox;
  collector: ServiceProcess;
  aggregator: ServiceProcess;
  reporter: ServiceProcess;
  /** Started only on request; its settings are those of the whole stack. */
  api: ServiceProcess;
  token: string;
  /** From now on product time runs from `start` at `rate`, here and at the marketplace. */
  runClock(start: Micros, rate: number): Promise<void>;
  end(failed?: boolean): Promise<void>;
}

export async function createPipeline(start: Micros, options: PipelineOptions = {}): Promise<Pipeline> {
  const { redisUrl = testServers().redisUrl, sellerUrl, execArgv = [], isProving = false } = options;
  const { reporterEnv = {}, accounts } = options;
  const ledger = await openLedger(start);
  const dir = mkdtempSync(join(tmpdir(), "quarterpast-pipeline-"));
  const sandbox = await createSandbox({
    ...{ key: PIPELINE_KEY, validationDelayMs: 20 },
    ...(sellerUrl !== undefined && { sellerUrl }),
  });
  const token = "qp_testtest_0123456789abcdef0123456789abcdef";
  await createKey(ledger.pool, { keyId: "testtest", name: "test", role: "operator", token }, start);
  const runClock = async (from: Micros, rate: number): Promise<void> => {
    const realAnchor = Date.now() * 1_000;
    await setClock(ledger.pool, { realAnchor, productAnchor: from, rate });
    await sandbox.setClock({ start: formatInstant(from), at: formatInstant(realAnchor), rate });
  };
  await runClock(start, 0);
  const [a, b, c, d] = (await reservePorts(4)) as [number, number, number, number];
  const env = { DATABASE_URL: ledger.url, REDIS_URL: redisUrl, QUEUE_PREFIX: createTestRedisPrefix() };
  const marketplace: Record<string, string> = accounts
    ? { ACCOUNTS_FILE: writeTo(join(dir, "accounts.yaml"), accounts(sandbox.url)) }
    : {
        MARKETPLACE_URL: sandbox.url,
        MARKETPLACE_KEY: PIPELINE_KEY,
        MARKETPLACE_STATEMENT_PATH: "/sandbox/sdr",
      };
  const service = (name: string, port: number, more: Record<string, string> = {}) =>
    createService(name, port, { ...env, ...more }, dir, execArgv);
  const collector = service("collector", a, { COLLECTOR_DATA_DIR: join(dir, "journal") });
  const aggregator = service("aggregator", b);
  const reporter = service("reporter", c, {
    ...marketplace,
    ...reporterEnv,
    ...(isProving && { PROOF_DIR: join(dir, "proofs") }),
  });
  const addresses = {
    COLLECTOR_URL: collector.url,
    STOREFRONT_URL: collector.url,
    API_URL: `http://127.0.0.1:${d}`,
  };
  const api = service("api", d, { ...marketplace, ...addresses });
  return {
    ledger,
    sandbox,
    collector,
    aggregator,
    reporter,
    api,
    token,
    runClock,
    end: async (failed) => {
      await Promise.all([collector, aggregator, reporter, api].map((one) => one.kill()));
      await sandbox.close();
      await ledger.end(failed);
      if (!failed) rmSync(dir, { recursive: true, force: true });
    },
  };
}

function writeTo(path: string, text: string): string {
  writeFileSync(path, text);
  return path;
}

/** Polls until `check` holds; fails with what it last gave. */
export async function eventually<T>(
  read: () => Promise<T>,
  check: (value: T) => boolean,
  withinMs = 15_000,
): Promise<T> {
  const until = Date.now() + withinMs;
  for (;;) {
    const value = await read();
    if (check(value)) return value;
    if (Date.now() > until) throw new Error(`not so within ${withinMs} ms; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

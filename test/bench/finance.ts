import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onOwnPort, reservePort, startPostgres } from "@quarterpast/stack/servers";
import { formatInstant, HOUR } from "@quarterpast/domain";
import { createKey, createPool, migrate, setClock, type Pool } from "@quarterpast/store";
import { fillMonth, MONTH } from "./financeFill.js";
import { watchMemory, type Memory } from "./memory.js";
import { median } from "./result.js";

const TOKEN = "qp_financeb_0123456789abcdef0123456789abcdef";
const HOURS = 720;
const INSTANCES_MAX = 10_000;
const READS = 5;

export interface FinanceResult {
  records: number;
  instances: number;
  hours: number;
  /** Milliseconds, the median of five. */
  summaryByDayMs: number;
  summarySignedMs: number;
  /** Rows and records per second, and the peak memory of each process, in MB. */
  exports: Record<
    string,
    { seconds: number; perSecond: number; bytes: number; memory: Record<string, Memory> }
  >;
  verify: { seconds: number; perSecond: number; differences: number; memory: Record<string, Memory> };
}

export interface FinanceOptions {
  records: number;
  /** Fewer hours of more instances; by default as many instances as fill the hours of a month. */
  instances?: number | undefined;
  root: string;
  /** Stores the ledger there and reuses it; by default a temporary folder. */
  dataDir?: string | undefined;
  /** Only creates the ledger. */
  fillOnly?: boolean | undefined;
  only?: string | undefined;
  say: (line: string) => void;
}

/**
 * Creates a month of records and measures what finance does with them: sums, exports, verification of chain and
 * manifest.
 */
export async function measureFinance(options: FinanceOptions): Promise<FinanceResult | undefined> {
  const { root, say } = options;
  const dir = options.dataDir ?? mkdtempSync(join(tmpdir(), "quarterpast-bench-"));
  mkdirSync(dir, { recursive: true });
  const apiPort = await reservePort();
  const postgres = await onOwnPort((port) =>
    startPostgres({ dataDir: join(dir, "postgres"), ownDir: dir, port }),
  );
  const pool = createPool({ databaseUrl: postgres.url, applicationName: "bench", max: 2, onError: () => {} });
  try {
    await ensureLedger(pool, postgres.url, options);
    if (options.fillOnly) return undefined;
    const size = await sizeOf(pool);
    const summaryByDayMs = await medianMs(() => pool.query(BY_DAY));
    const env = {
      PATH: process.env.PATH,
      PORT: String(apiPort),
      LOG_LEVEL: "warn",
      DATABASE_URL: postgres.url,
      REDIS_URL: "redis://127.0.0.1:1",
      MARKETPLACE_KEY: "bench-key",
      COLLECTOR_URL: "http://127.0.0.1:1",
      STOREFRONT_URL: "http://127.0.0.1:1",
      API_URL: `http://127.0.0.1:${apiPort}`,
    };
    const api = fork(join(root, "services/api/dist/main.js"), [], { env, stdio: ["ignore", 2, 2, "ipc"] });
    await new Promise((resolve, reject) => {
      api.once("message", resolve);
      api.once("exit", (code) => reject(new Error(`the api ended with ${code}`)));
    });
    try {
      const run = async (...args: string[]) => {
        say(args.join(" "));
        return runCli(root, args, env.API_URL, { api: api.pid!, postgres: postgres.pid });
      };
      const span = { from: formatInstant(MONTH), to: formatInstant(MONTH + size.hours * HOUR) };
      const summarySignedMs = await medianMs(async () => {
        const query = new URLSearchParams(span).toString();
        const answer = await fetch(`${env.API_URL}/v1/summary?${query}`, {
          headers: { authorization: `Bearer ${TOKEN}` },
        });
        if (!answer.ok) throw new Error(await answer.text());
        await answer.json();
      });
      const exports: FinanceResult["exports"] = {};
      for (const format of ["csv", "ndjson"]) {
        if (options.only && options.only !== format) continue;
        const { seconds, json, memory } = await run(
          ...["export", "--month", "2026-03", "--format", format, "--out", dir, "--json"],
        );
        const { path } = json as { path: string };
        const bytes = statSync(path).size;
        rmSync(path);
        rmSync(`${path}.sha256`);
        exports[format] = { seconds, perSecond: Math.round(size.records / seconds), bytes, memory };
      }
      const { seconds, json, memory } =
        options.only && options.only !== "verify"
          ? { seconds: 0, json: { findings: [], records: size.records }, memory: {} }
          : await run("verify", "--month", "2026-03", "--chain-only", "--json");
      const { findings, records } = json as { findings: unknown[]; records: number };
      if (records !== size.records) throw new Error(`verified ${records} of ${size.records} records`);
      const verify = {
        seconds,
        perSecond: Math.round(records / seconds),
        differences: findings.length,
        memory,
      };
      return { ...size, summaryByDayMs, summarySignedMs, exports, verify };
    } finally {
      api.kill("SIGTERM");
    }
  } finally {
    await pool.end();
    await postgres.stop();
    if (options.dataDir === undefined) rmSync(dir, { recursive: true, force: true });
  }
}

async function ensureLedger(
  pool: Pool,
  url: string,
  { records, say, ...options }: FinanceOptions,
): Promise<void> {
  await migrate(url);
  const { rows } = await pool.query<{ accounts: number }>("SELECT count(*) AS accounts FROM accounts");
  if (rows[0]!.accounts > 0) return;
  const instances = options.instances ?? Math.max(1, Math.min(INSTANCES_MAX, Math.round(records / HOURS)));
  const hours = Math.max(1, Math.min(HOURS, Math.round(records / instances)));
  say(`filling ${hours} hours of ${instances} instances`);
  await fillMonth(pool, { instances, hours }, say);
  const key = { keyId: "financeb", name: "bench", role: "finance", token: TOKEN } as const;
  await createKey(pool, key, MONTH);
  const now = { realAnchor: Date.now() * 1_000, productAnchor: MONTH + HOURS * HOUR, rate: 0 };
  await setClock(pool, now);
}

async function sizeOf(pool: Pool): Promise<{ records: number; instances: number; hours: number }> {
  const { rows } = await pool.query<{ records: number; instances: number; hours: number }>(
    `SELECT (SELECT sum(records)::bigint FROM manifest_totals) AS records, (SELECT count(*) FROM instances) AS instances,
       (SELECT count(*) FROM manifests) AS hours`,
  );
  return rows[0]!;
}

const BY_DAY = `SELECT product, date_trunc('day', hour AT TIME ZONE 'UTC' + interval '8 hours')::date AS day, unit, state,
  sum(quantity) AS quantity, sum(records) AS records FROM billing.records_by_hour GROUP BY product, day, unit, state ORDER BY product, day`;

async function medianMs(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < READS; n += 1) {
    const from = performance.now();
    await work();
    times.push(performance.now() - from);
  }
  return Math.round(median(times));
}

/** Runs a command of the CLI to its end; exit codes 0 and 3 mean that it did its work. */
async function runCli(root: string, args: string[], apiUrl: string, others: Record<string, number>) {
  const from = performance.now();
  const child = fork(join(root, "packages/cli/bin/quarterpast.mjs"), args, {
    env: { PATH: process.env.PATH, QUARTERPAST_API_URL: apiUrl, QUARTERPAST_API_KEY: TOKEN },
    stdio: ["ignore", "pipe", 2, "ipc"],
  });
  const memory = watchMemory({ cli: child.pid!, ...others });
  let out = "";
  child.stdout!.on("data", (chunk: Buffer) => (out += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  const seconds = Math.round((performance.now() - from) / 10) / 100;
  if (code !== 0 && code !== 3) throw new Error(`${args.join(" ")} ended with ${code}: ${out}`);
  return { seconds, json: JSON.parse(out) as unknown, memory: Object.fromEntries(memory.stop()) };
}

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { HOUR, type Micros } from "@quarterpast/domain";
import { reservePort } from "@quarterpast/stack/servers";
import { createKey, setClock } from "@quarterpast/store";
import { H, type Ledger } from "./ledger.js";
import { testServers } from "./testServers.js";

const TOKEN = `qp_operator_${"0123456789abcdef".repeat(2)}`;
const API = fileURLToPath(import.meta.resolve("@quarterpast/api/main"));

/** The api as a separate process over a test's ledger, and the environment in which the CLI finds it. */
export interface LedgerApi {
  env: Record<string, string>;
  end(): Promise<void>;
}

/** @param now product time, which is stopped. */
export async function startLedgerApi(ledger: Ledger, now: Micros = H + 4 * HOUR): Promise<LedgerApi> {
  const { pool, url } = ledger;
  await setClock(pool, { realAnchor: Date.now() * 1_000, productAnchor: now, rate: 0 });
  const key = {
    keyId: "operator",
    name: "operator",
    role: "operator",
  } as const;
  await createKey(pool, { ...key, token: TOKEN }, H);
  const port = await reservePort();
  const own = `http://127.0.0.1:${port}`;
  const api = fork(API, [], {
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      LOG_LEVEL: "error",
      DATABASE_URL: url,
      REDIS_URL: testServers().redisUrl,
      MARKETPLACE_URL: "http://127.0.0.1:9",
      MARKETPLACE_KEY: "k",
      COLLECTOR_URL: own,
      STOREFRONT_URL: own,
      API_URL: own,
    },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  await new Promise<void>((resolve, reject) => {
    api.once("message", () => resolve());
    api.once("exit", (code) => reject(new Error(`the api ended with ${code}`)));
  });
  return {
    env: { QUARTERPAST_API_URL: own, QUARTERPAST_API_KEY: TOKEN },
    async end() {
      if (api.exitCode !== null) return;
      api.kill("SIGTERM");
      await new Promise((resolve) => api.once("exit", resolve));
    },
  };
}

/** Changes rows behind the product's back, runs `then`, and restores them. */
export async function tamper(
  { pool }: Ledger,
  change: string,
  undo: string,
  then: () => Promise<void>,
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query(`SET session_replication_role = replica; ${change}`);
    await then();
  } finally {
    await client.query(`${undo}; SET session_replication_role = origin`);
    client.release();
  }
}

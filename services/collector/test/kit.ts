import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createTestDatabase, createTestRedisPrefix, testServers } from "@quarterpast/testkit";
import { createLogger } from "@quarterpast/runtime";
import type { KeyRole } from "@quarterpast/domain";
import { createKey, createPool, ensureAccount, migrate, setClock } from "@quarterpast/store";
import { createCollector, type Collector, type CollectorDeps } from "../src/collector.js";
import { readCollectorSettings } from "../src/settings.js";

/** Real time in microseconds; these tests' product clock runs at real time. */
export const nowMicros = () => Date.now() * 1_000;

export const logger = createLogger({ service: "collector", level: "fatal" });

/** The bearer token of a role in every database of these tests. */
export const tokenOf = (role: KeyRole) =>
  `qp_${role.padEnd(8, "0").slice(0, 8)}_${"0123456789abcdef".repeat(2)}`;

/** A temporary folder for one test. */
export function temporaryDir(): { dir: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), "quarterpast-collector-"));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

type StartOptions = Partial<Omit<CollectorDeps, "settings">> & {
  env?: Record<string, string>;
  /** False: does not wait until it accepts events. */
  isReady?: boolean;
};

/** A database with a clock, an account and a key of each role, a queue prefix and a journal folder. */
export async function createStand(options: { redisUrl?: string } = {}) {
  const { databaseUrl, redisUrl } = testServers();
  const database = await createTestDatabase(databaseUrl, {
    migrate: async (url) => void (await migrate(url)),
  });
  const pool = createPool({ databaseUrl: database.url, max: 2, applicationName: "test", onError: () => {} });
  await setClock(pool, { realAnchor: nowMicros(), productAnchor: nowMicros(), rate: 1 });
  await ensureAccount(
    pool,
    { code: "test", marketplace: "koogallery", site: "cn", dayOffset: 28_800_000_000 },
    nowMicros(),
  );
  for (const role of ["ingest", "operator", "finance", "auditor"] as const) {
    const key = { keyId: tokenOf(role).split("_")[1]!, name: role, role };
    await createKey(pool, { ...key, token: tokenOf(role) }, nowMicros());
  }
  const folder = temporaryDir();
  const env = {
    PORT: "0",
    DATABASE_URL: database.url,
    REDIS_URL: options.redisUrl ?? redisUrl,
    QUEUE_PREFIX: createTestRedisPrefix(),
    COLLECTOR_DATA_DIR: folder.dir,
  };
  const started: Collector[] = [];
  return {
    pool,
    env,
    dir: folder.dir,
    async start({ env: others, isReady: waits, ...more }: StartOptions = {}) {
      const settings = readCollectorSettings({ ...env, ...others });
      const collector = await createCollector({ settings, logger, leaveWithinMs: 0, ...more });
      started.push(collector);
      if (waits !== false) {
        await collector.ready;
        await until(() => isReady(collector));
      }
      return collector;
    },
    async end() {
      for (const collector of started) await collector.stop().catch(() => {});
      await pool.end();
      await database.end();
      folder.remove();
    },
  };
}

export async function isReady(collector: Collector): Promise<boolean> {
  return (await fetch(`${collector.url}/healthz/ready`)).ok;
}

let count = 0;

/** A valid event; every call has another id. */
export function usageEvent(more: Record<string, unknown> = {}): Record<string, unknown> {
  count += 1;
  return {
    specversion: "1.0",
    id: `e-${process.pid}-${count}`,
    source: "/test",
    type: "tokens",
    subject: "customer-1",
    time: new Date().toISOString(),
    data: { quantity: "1" },
    ...more,
  };
}

/** Sends a body; text unchanged, other values as JSON. */
export function post(
  collector: { url: string },
  body: unknown,
  options: { type?: string; token?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  const { type = "application/json", token = tokenOf("ingest"), headers = {} } = options;
  return fetch(`${collector.url}/v1/events`, {
    method: "POST",
    headers: { "content-type": type, authorization: `Bearer ${token}`, ...headers },
    body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
}

/** Waits until the condition holds. @throws after `withinMs`. */
export async function until(holds: () => unknown, withinMs = 10_000): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    if (await holds()) return;
    if (performance.now() > end)
      throw new Error(`did not come to hold within ${withinMs} ms: ${holds.toString()}`);
    await delay(20);
  }
}

/** The JSON of an answer. */
export async function json<T = Record<string, unknown>>(response: Response): Promise<T> {
  return (await response.json()) as T;
}

/** The body of an acknowledgement. */
export interface Answer {
  accepted: number;
  rejected: Record<string, unknown>[];
}

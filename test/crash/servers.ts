import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { RunningServer } from "@quarterpast/stack/servers";
import type { Pool } from "@quarterpast/store";

/** The key of the sandbox. */
export const SANDBOX_KEY = "crash-key";

/** Redis or Postgres, to be killed and restarted on its data. */
export interface ServerHandle {
  name: "redis" | "postgres";
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Real time since which it has answered again. */
  upSince(): number | undefined;
}

/** A server that can also be stopped for good. */
export interface FullHandle extends ServerHandle {
  url(): string;
  stop(): Promise<void>;
}

/** Starts a server and remembers how to restart it. */
export async function serverHandle(
  name: ServerHandle["name"],
  start: () => Promise<RunningServer>,
): Promise<FullHandle> {
  let server = await start();
  let upSince: number | undefined = Date.now();
  return {
    name,
    url: () => server.url,
    upSince: () => upSince,
    async kill() {
      upSince = undefined;
      process.kill(server.pid, "SIGKILL");
      await server.exited;
    },
    async start() {
      server = await start();
      upSince = Date.now();
    },
    stop: () => server.stop(),
  };
}

/** Starts the marketplace as a separate process. */
export async function startSandbox(root: string, dir: string): Promise<{ url: string; child: ChildProcess }> {
  const child = fork(join(root, "packages/sandbox/dist/main.js"), [], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      LOG_LEVEL: "silent",
      SANDBOX_KEY,
      SANDBOX_PORT: "0",
      SANDBOX_DATA_DIR: join(dir, "sandbox"),
      SANDBOX_VALIDATION_DELAY: "50ms",
    },
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    execArgv: [],
  });
  const { url } = await new Promise<{ url: string }>((resolve, reject) => {
    child.once("message", (told) => resolve(told as { url: string }));
    child.once("exit", (code) => reject(new Error(`the sandbox ended with ${code}`)));
  });
  return { url, child };
}

/** The one clock of product time, for us and the marketplace. */
export function createClock(pool: Pool, sandboxUrl: string, firstRate: number, firstMs: number) {
  let anchor = { at: Date.now(), product: firstMs, rate: firstRate };
  const now = () => anchor.product + (Date.now() - anchor.at) * anchor.rate;

  /** The marketplace's clock is set first. */
  async function tell(): Promise<void> {
    const { rate } = anchor;
    const [start, at] = [new Date(anchor.product).toISOString(), new Date(anchor.at).toISOString()];
    await put(`${sandboxUrl}/sandbox/clock`, { start, at, rate });
    await pool.query(
      `INSERT INTO clock (real_anchor, product_anchor, rate, beat_product)
       VALUES ($1::timestamptz, $2::timestamptz, $3::numeric, $2::timestamptz)
       ON CONFLICT (only_row) DO UPDATE SET real_anchor = excluded.real_anchor,
         product_anchor = excluded.product_anchor, rate = excluded.rate`,
      [at, start, rate],
    );
  }

  return {
    now,
    /** From now on product time runs at this rate. */
    async setRate(rate: number): Promise<void> {
      anchor = { product: now(), at: Date.now(), rate };
      await tell();
    },
    /** Continues product time from there, never backwards. */
    async jump(toMs: number): Promise<void> {
      anchor = { ...anchor, product: Math.max(now(), toMs), at: Date.now() };
      await tell();
    },
  };
}

/** A request to the marketplace that must succeed. */
export async function put(url: string, body: object): Promise<void> {
  const response = await fetch(url, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
}

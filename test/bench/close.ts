import { fork, type ChildProcess } from "node:child_process";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onOwnPort, startPostgres } from "@quarterpast/stack/servers";
import { HOUR, SEAL_RULE } from "@quarterpast/domain";
import { createPool, migrate, setClock, type Pool } from "@quarterpast/store";
import { CLOSED_HOUR, expectedUnits, fillHour } from "./closeFill.js";
import { watchMemory, type Memory } from "./memory.js";

const KEY = "bench-key";
/** Time before the hour is due, so that the reporter has got all settings by then. */
const LEAD_MS = 3_000;

export interface CloseResult {
  instances: number;
  /** Seconds from the moment the hour may be sealed. */
  sealed: number;
  frozen: number;
  accepted: number;
  proven: number;
  calls: number;
  /** Whether the stub got every record once, with the exact sum and only valid signatures. */
  exact: boolean;
  /** MB by process. */
  memory: Record<string, Memory>;
}

export interface CloseOptions {
  instances: number;
  /** Root folder of this checkout. */
  root: string;
  say: (line: string) => void;
  env?: Record<string, string>;
}

/** Closes one hour with usage of `instances` instances, using one reporter process against a fast stub. */
export async function closeHour({ instances, root, say, env = {} }: CloseOptions): Promise<CloseResult> {
  const dir = mkdtempSync(join(tmpdir(), "quarterpast-bench-"));
  const children: ChildProcess[] = [];
  const postgres = await onOwnPort((port) =>
    startPostgres({ dataDir: join(dir, "postgres"), ownDir: dir, port }),
  );
  const pool = createPool({ databaseUrl: postgres.url, applicationName: "bench", max: 2, onError: () => {} });
  try {
    await migrate(postgres.url);
    say(`filling an hour of ${instances} instances`);
    await fillHour(pool, instances);
    const expected = await expectedUnits(pool);
    const dueMs = Date.now() + LEAD_MS;
    const due = CLOSED_HOUR + HOUR + SEAL_RULE.grace;
    await setClock(pool, { realAnchor: dueMs * 1_000, productAnchor: due - 1, rate: 1 });
    const stub = start(join(import.meta.dirname, "closeStub.js"), [KEY], process.env, dir, "stub");
    children.push(stub.child);
    const { port: stubPort } = await stub.next<{ port: number }>();
    const reporter = start(
      join(root, "services/reporter/dist/main.js"),
      [],
      {
        PATH: process.env.PATH,
        PORT: "0",
        LOG_LEVEL: "warn",
        DATABASE_URL: postgres.url,
        MARKETPLACE_URL: `http://127.0.0.1:${stubPort}`,
        MARKETPLACE_KEY: KEY,
        PROOF_DIR: join(dir, "proofs"),
        ...env,
      },
      dir,
      "reporter",
    );
    children.push(reporter.child);
    await reporter.next();
    const memory = watchMemory({
      reporter: reporter.child.pid!,
      stub: stub.child.pid!,
      postgres: postgres.pid,
    });
    say("the hour is due: sealing, freezing, filing, proving");
    const times = await followHour(pool, dueMs, expected.records, say);
    stub.child.send("tell");
    const told = await stub.next<Record<string, string | number>>();
    const { records, units, repeated, badSignatures } = told;
    return {
      instances,
      ...times,
      accepted: seconds(Number(told.lastAt) - dueMs),
      calls: Number(told.calls),
      exact:
        records === expected.records &&
        BigInt(units!) === expected.units &&
        repeated === 0 &&
        badSignatures === 0,
      memory: Object.fromEntries(memory.stop()),
    };
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await pool.end();
    await postgres.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Starts a Node process of ours, and collects what it sends over its channel. */
function start(file: string, args: string[], env: NodeJS.ProcessEnv, dir: string, name: string) {
  const child = fork(file, args, { env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const log = createWriteStream(join(dir, `${name}.log`));
  child.stdout!.pipe(log);
  child.stderr!.pipe(process.stderr, { end: false });
  const next = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      child.once("message", (message) => resolve(message as T));
      child.once("exit", (code) => reject(new Error(`${name} ended with ${code}`)));
    });
  return { child, next };
}

const LOOK_EVERY_MS = 250;

/** Watches the ledger until the hour is filed and proven. */
async function followHour(
  pool: Pool,
  dueMs: number,
  records: number,
  say: (line: string) => void,
): Promise<Pick<CloseResult, "sealed" | "frozen" | "proven">> {
  const times = { sealed: 0, frozen: 0, accepted: 0, proven: 0 };
  const mark = (name: keyof typeof times, isSo: boolean): void => {
    if (times[name] > 0 || !isSo) return;
    times[name] = Math.max(0.1, seconds(Date.now() - dueMs));
    say(`${name} after ${times[name]} s`);
  };
  while (Object.values(times).some((time) => time === 0)) {
    await sleep(LOOK_EVERY_MS);
    const { rows } = await pool.query<Record<string, number>>(
      `SELECT (SELECT count(*) FROM hours) AS sealed, (SELECT count(frozen_at) FROM hours) AS frozen,
         (SELECT COALESCE(sum(seq_to - seq_from + 1), 0)::bigint FROM submissions WHERE state = 'accepted') AS accepted,
         (SELECT count(*) FROM anchors) AS anchors`,
    );
    const { sealed, frozen, accepted, anchors } = rows[0]!;
    mark("sealed", sealed! > 0 && sealed! % 8 === 0);
    mark("frozen", frozen! > 0 && frozen! % 8 === 0);
    mark("accepted", accepted! >= records);
    mark("proven", anchors! > 0);
  }
  return times;
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}

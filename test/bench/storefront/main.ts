import { execFileSync, fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, createWriteStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { onOwnPort, reservePort, startPostgres } from "@quarterpast/stack/servers";
import { createPool, migrate, setClock } from "@quarterpast/store";
import { fill, NOW } from "./fill.js";

const KEY = "bench-key";
const READY_MS = 30_000;
const { values } = parseArgs({
  options: {
    rate: { type: "string", default: "500" },
    seconds: { type: "string", default: "30" },
    instances: { type: "string", default: "1000000" },
    /** Appends to test/bench/storefront/results.ndjson. */
    keep: { type: "boolean", default: false },
  },
});
const root = join(import.meta.dirname, "../../../..");
const say = (line: string) => void process.stderr.write(`${line}\n`);

/** A third party's order query: every order has one pay-per-use line. */
async function orderServer(): Promise<Server> {
  const server = createServer((incoming, reply) => {
    const query = new URL(incoming.url ?? "", "http://host").searchParams;
    const [orderId, orderLineId] = [query.get("orderId"), query.get("orderLineId")];
    const line = { orderLineId, chargingMode: "ON_DEMAND", productInfo: [{ productId: "P1" }] };
    const orderInfo = {
      orderId,
      orderType: "NEW",
      orderLine: [line],
      buyerInfo: { customerId: `c-${orderId}` },
    };
    reply.writeHead(200, { "content-type": "application/json" });
    reply.end(JSON.stringify({ resultCode: "MKT.0000", resultMsg: "Success", orderInfo }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const dir = mkdtempSync(join(tmpdir(), "quarterpast-bench-"));
const port = await reservePort();
const postgres = await onOwnPort((free) =>
  startPostgres({ dataDir: join(dir, "postgres"), ownDir: dir, port: free }),
);
const pool = createPool({ databaseUrl: postgres.url, applicationName: "bench", max: 2, onError: () => {} });
const orders = await orderServer();
let storefront: ChildProcess | undefined;
try {
  await migrate(postgres.url);
  say(`filling a ledger of ${values.instances} instances`);
  await fill(pool, Number(values.instances));
  await setClock(pool, { realAnchor: Date.now() * 1_000, productAnchor: NOW, rate: 1 });
  const log = createWriteStream(join(dir, "storefront.log"));
  storefront = fork(join(root, "services/storefront/dist/main.js"), [], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: {
      ...{ PATH: process.env.PATH, PORT: String(port), DATABASE_URL: postgres.url, MARKETPLACE_KEY: KEY },
      ...{
        ORDER_QUERY_URL: `http://127.0.0.1:${(orders.address() as AddressInfo).port}`,
        ORDER_AK: "ak",
        ORDER_SK: "sk",
      },
    },
  });
  storefront.stdout!.pipe(log);
  storefront.stderr!.pipe(log);
  await once(storefront, "message", { signal: AbortSignal.timeout(READY_MS) });
  say(`${values.rate} calls a second for ${values.seconds} s`);
  const { rate, seconds, instances } = values;
  const load = fork(join(import.meta.dirname, "load.js"), [
    ...[`http://127.0.0.1:${port}`, KEY, rate, seconds, instances],
  ]);
  const [told] = (await once(load, "message")) as [Told];
  say(
    `processor seconds: storefront ${cpuSeconds(storefront.pid!)}, load ${told.cpuSeconds}, load average ${loadavg()[0]!.toFixed(2)}`,
  );
  report(told);
} finally {
  storefront?.kill("SIGTERM");
  if (storefront?.exitCode === null) await once(storefront, "exit");
  orders.close();
  orders.closeAllConnections();
  await pool.end();
  await postgres.stop();
  rmSync(dir, { recursive: true, force: true });
}

interface Told {
  taken: Record<string, number[]>;
  codes: Record<string, number>;
  cpuSeconds: number;
}

/** As Linux counts it. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

interface Row {
  call: string;
  calls: number;
  p50: number;
  p99: number;
  max: number;
}

/** Milliseconds from when a call was due to the last byte of its answer. */
function rowOf(call: string, times: readonly number[]): Row {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! * 10) / 10;
  return { call, calls: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

function report({ taken, codes }: Told): void {
  const rows = Object.entries(taken).map(([call, times]) => rowOf(call, times));
  const all = rowOf("all", Object.values(taken).flat());
  const table = [...rows.sort((a, b) => (a.call < b.call ? -1 : 1)), all];
  for (const { call, calls, p50, p99, max } of table)
    say(`${call.padEnd(24)} ${String(calls).padStart(6)} calls, p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`);
  say(JSON.stringify(codes));
  const failed = Object.entries(codes).filter(([told]) => /HTTP|undefined|E[A-Z]+$| 00000[1245]$/.test(told));
  const worst = Math.max(...table.map(({ p99 }) => p99));
  if (values.keep) keep({ rate: Number(values.rate), instances: Number(values.instances), codes, table });
  if (failed.length > 0) say(`not answered as they should be: ${JSON.stringify(failed)}`);
  process.exitCode = failed.length > 0 || worst > 200 ? 1 : 0;
}

function keep(figures: object): void {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], {
    cwd: root,
    encoding: "utf8",
  }).trim();
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length };
  const line = { at: new Date().toISOString(), commit, machine, node: process.version, figures };
  appendFileSync(join(root, "test/bench/storefront/results.ndjson"), `${JSON.stringify(line)}\n`);
}

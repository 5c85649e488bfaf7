import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { formatInstant, MINUTE } from "@quarterpast/domain";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRandom } from "../crash/random.js";
import { H } from "@quarterpast/testkit";
import { createPipeline, eventually, type Pipeline } from "@quarterpast/testkit/services";

const EMITTER = fileURLToPath(new URL("../../packages/client/test/emitter.mjs", import.meta.url));
/** SPOOL_KILLS makes a long run, SPOOL_SEED replays one, SPOOL_RESULT is where the result is written. */
const kills = Number(process.env.SPOOL_KILLS ?? 8);
const seed = Number(process.env.SPOOL_SEED ?? Date.now() % 1e9);
const DROPPED = 0.3;

let line: Pipeline;
let dir: string;
let server: Server | undefined;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "quarterpast-emitter-"));
  line = await createPipeline(H);
  await line.ledger.meter("tokens", "sum");
  await line.ledger.instance("i-1", "tokens", "customer-1");
  await line.runClock(H + 2 * MINUTE, 1);
  await Promise.all([line.collector.start(), line.aggregator.start()]);
});
afterEach(async (context) => {
  server?.closeAllConnections();
  server?.close();
  await line.end(context.task.result?.state === "fail");
  rmSync(dir, { recursive: true, force: true });
});

/** A connection to the collector that loses this share of the replies after the collector has answered. */
async function lossyWay(share: number): Promise<{ url: string; dropped: () => number }> {
  const random = createRandom(seed).fork("replies");
  const { port, hostname } = new URL(line.collector.url);
  let dropped = 0;
  server = createServer((asked, reply) => {
    const { url: path, method, headers } = asked;
    const upstream = request({ host: hostname, port, path, method, headers }, (answer) => {
      if (random.chance(share)) {
        dropped += 1;
        answer.resume();
        return void asked.socket.destroy();
      }
      reply.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(reply);
    });
    upstream.on("error", () => asked.socket.destroy());
    asked.pipe(upstream);
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, dropped: () => dropped };
}

function emit(url: string, env: Record<string, string> = {}, ...rest: string[]): ChildProcess {
  const args = [EMITTER, url, line.token, join(dir, "spool"), join(dir, "truth"), ...rest];
  const time = formatInstant(H + MINUTE);
  return spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env.PATH, SPOOL_TIME: time, ...env },
  });
}

/** A file system of 1 MiB if the test may mount one; else the spool's own bound is used instead. */
function smallDisk(folder: string): { unmount: () => void; bound: Record<string, string> } {
  mkdirSync(folder);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], { stdio: "ignore" });
    return { unmount: () => void execFileSync("umount", [folder]), bound: {} };
  } catch {
    return { unmount: () => undefined, bound: { SPOOL_BYTES: "1000000" } };
  }
}

const lines = (name: string): string[] => {
  const file = join(dir, name);
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
};

/** What the ledger has: ids, and their total quantity. */
async function counted(): Promise<{ ids: string[]; quantity: number }> {
  const ids = await line.ledger.rows<{ id: string }>("SELECT id FROM events");
  const [sum] = await line.ledger.rows<{ quantity: number }>(
    "SELECT sum(quantity)::float8 AS quantity FROM hour_usage",
  );
  return { ids: ids.map(({ id }) => id), quantity: sum?.quantity ?? 0 };
}

test(
  `an emitter killed ${kills} times, with 30 % of the replies lost: what it was told to be spooled counts, once`,
  { timeout: 60_000 + kills * 5_000 },
  async () => {
    const random = createRandom(seed).fork("kills");
    const { url, dropped } = await lossyWay(DROPPED);
    const begun = Date.now();
    let withWork = 0;
    for (let kill = 0; kill < kills; kill += 1) {
      const emitter = emit(url);
      await once(emitter.stdout!, "data");
      await new Promise((resolve) => setTimeout(resolve, random.int(20, 400)));
      emitter.kill("SIGKILL");
      await once(emitter, "exit");
      if (readdirSync(join(dir, "spool")).some((file) => file.endsWith(".events"))) withWork += 1;
    }
    const last = emit(url, {}, "1");
    expect((await text(last.stdout!)).split("\n")).toEqual(["ready", "stored 20 failed 0", "closed", ""]);
    expect(readdirSync(join(dir, "spool"))).toEqual([]);

    const [stored, asked] = [lines("truth"), new Set(lines("truth.asked"))];
    const missing = (ids: readonly string[]) => {
      const there = new Set(ids);
      return stored.filter((id) => !there.has(id));
    };
    const { ids, quantity } = await eventually(counted, (now) => missing(now.ids).length === 0, 20_000);
    const result = {
      ...{ part: "spool", seed, kills, withWork, stored: stored.length, repliesLost: dropped() },
      ...{ lost: missing(ids).length, doubled: quantity - new Set(ids).size },
      seconds: Math.round((Date.now() - begun) / 1_000),
    };
    process.stderr.write(`spool: ${JSON.stringify(result)}\n`);
    if (process.env.SPOOL_RESULT) writeFileSync(process.env.SPOOL_RESULT, JSON.stringify(result));
    expect(result).toMatchObject({ lost: 0, doubled: 0 });
    expect(ids.filter((id) => !asked.has(id))).toEqual([]);
    expect(withWork / kills, "kills that met work in the spool").toBeGreaterThan(0.5);
    expect(dropped()).toBeGreaterThan(0);
  },
);

test("a disk that is full is an error to the caller, and what was taken before is sent", async () => {
  const spool = join(dir, "spool");
  const { unmount, bound } = smallDisk(spool);
  try {
    const away = emit("http://127.0.0.1:1", { ...bound, SPOOL_CLOSE_MS: "100" }, "20000");
    const told = (await text(away.stdout!)).split("\n");
    expect(told).toContain(`failed ${"SPOOL_BYTES" in bound ? "full" : "failed"}`);
    const stored = lines("truth");
    expect(stored.length).toBeGreaterThan(100);
    expect(stored.length).toBeLessThan(20_000);
    const again = emit(line.collector.url, {}, "0");
    expect(await text(again.stdout!)).toContain("closed");
    const { ids, quantity } = await eventually(counted, (now) => now.ids.length >= stored.length);
    expect(stored.filter((id) => !ids.includes(id))).toEqual([]);
    expect(quantity).toBe(ids.length);
  } finally {
    unmount();
  }
}, 60_000);

import { connect, type Socket } from "node:net";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPipeline, type Pipeline } from "@quarterpast/testkit/services";
import { H } from "@quarterpast/testkit";

/**
 * The timeouts of packages/runtime/src/http.ts, plus the second between Node's checks, plus slack for a busy machine.
 */
const SLACK_MS = 5_000;
const HEADERS_WITHIN_MS = 5_000 + SLACK_MS;
const REQUEST_WITHIN_MS = 10_000 + SLACK_MS;

let line: Pipeline;
beforeAll(async () => {
  line = await createPipeline(H);
  await Promise.all([line.collector.start(), line.api.start()]);
}, 60_000);
afterAll(() => line.end());

/** What arrived on a connection until the other side closed it, and after how long. */
interface Ended {
  answer: string;
  ms: number;
}

const urls = () => ({ collector: line.collector.url, api: line.api.url });
const posts = () => ({ collector: "/v1/events", api: "/v1/meters" });

/**
 * Opens a connection, passes it to `use`, and waits until the server has cut it; the client must not be able to keep
 * it half open.
 */
function until(url: string, use: (socket: Socket) => void, withinMs: number): Promise<Ended> {
  const { port, hostname } = new URL(url);
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const target = { port: Number(port), host: hostname, allowHalfOpen: true };
    const socket = connect(target, () => use(socket));
    let answer = "";
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`still open after ${withinMs} ms; it had answered: ${answer.slice(0, 200)}`));
    }, withinMs);
    socket.on("data", (chunk) => void (answer += chunk.toString("latin1")));
    // A half-closed connection may already be gone at the other side: writing a byte finds out.
    socket.on("end", () => drip(socket, "", " ", 500));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve({ answer, ms: performance.now() - begun });
    });
  });
}

/** Writes a byte at intervals as long as the connection is open. */
function drip(socket: Socket, first: string, rest: string, everyMs: number): void {
  socket.write(first);
  let at = 0;
  const timer = setInterval(() => {
    if (socket.destroyed || socket.writableEnded) return clearInterval(timer);
    socket.write(rest[at++ % rest.length]!);
  }, everyMs);
  socket.on("close", () => clearInterval(timer));
}

const head = (name: "collector" | "api", ...headers: string[]) =>
  [
    `POST ${posts()[name]} HTTP/1.1`,
    "host: x",
    `authorization: Bearer ${line.token}`,
    `content-type: application/json`,
    ...headers,
    "",
    "",
  ].join("\r\n");

const BOMB_BYTES = 200 * 1_048_576;
const NAMES = ["collector", "api"] as const;

/** How long a normal request takes now. */
async function honestMs(url: string): Promise<number> {
  const begun = performance.now();
  const answer = await fetch(`${url}/healthz/live`);
  expect(answer.status).toBe(200);
  await answer.text();
  return performance.now() - begun;
}

describe.concurrent.each(NAMES)("the %s", (name) => {
  test(
    "cuts connections that drip, within its timeouts, and serves the others meanwhile",
    { timeout: 30_000 },
    async ({ expect }) => {
      const url = urls()[name];
      const slow = [
        ...Array.from({ length: 100 }, () =>
          until(
            url,
            (socket) => drip(socket, "GET /healthz/live HTTP/1.1\r\n", "x: y\r\n", 200),
            HEADERS_WITHIN_MS,
          ),
        ),
        ...Array.from({ length: 50 }, () =>
          until(
            url,
            (socket) => drip(socket, head(name, "content-length: 100000"), " ", 200),
            REQUEST_WITHIN_MS,
          ),
        ),
        ...Array.from({ length: 50 }, () =>
          until(
            url,
            (socket) => drip(socket, head(name, "transfer-encoding: chunked"), "1\r\n \r\n", 200),
            REQUEST_WITHIN_MS,
          ),
        ),
        until(url, () => undefined, HEADERS_WITHIN_MS),
      ];
      const all = Promise.all(slow);
      let isOver = false;
      void all.then(() => (isOver = true)).catch(() => (isOver = true));
      const honest: number[] = [];
      while (!isOver) {
        honest.push(await honestMs(url));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      const ended = await all;
      expect(ended.every(({ answer }) => answer === "" || answer.startsWith("HTTP/1.1 408"))).toBe(true);
      honest.sort((a, b) => a - b);
      expect(honest.length).toBeGreaterThan(20);
      expect(honest[Math.floor(honest.length * 0.95)]).toBeLessThan(500);
    },
  );

  test("answers garbage after a good request, and lengths that lie, without an error of its own", async () => {
    const url = urls()[name];
    const ok = "GET /healthz/live HTTP/1.1\r\nhost: x\r\n\r\n";
    const broken: [string, string][] = [
      ["pipelined garbage", `${ok}\u0000\u0001garbage\r\n\r\n`],
      ["a pipeline of a hundred, then garbage", `${ok.repeat(100)}GARBAGE`],
      ["two lengths", head(name, "content-length: 2", "content-length: 3") + "{}"],
      ["a length and chunks", head(name, "content-length: 2", "transfer-encoding: chunked") + "{}"],
      ["a length below 0", head(name, "content-length: -1")],
      ["a length that is no number", head(name, "content-length: 1e3")],
      ["a length beyond all", head(name, "content-length: 99999999999999999999")],
      ["a body longer than its length", head(name, "content-length: 2") + '{}{"x":1}\r\n\r\n'],
      ["a chunk that lies", head(name, "transfer-encoding: chunked") + "5\r\n{}\r\n0\r\n\r\nxx"],
      ["a header without an end", `GET / HTTP/1.1\r\nx: ${"y".repeat(100_000)}`],
      ["a line feed in a name", "GET / HTTP/1.1\r\nho\nst: x\r\n\r\n"],
      ["another protocol", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000"],
      ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ];
    for (const [what, bytes] of broken) {
      const { answer } = await until(url, (socket) => socket.end(bytes, "latin1"), REQUEST_WITHIN_MS);
      const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
      expect(
        statuses.filter((status) => status >= 500),
        `${what}: ${answer.slice(0, 300)}`,
      ).toEqual([]);
      expect(answer, what).not.toMatch(/\n\s+at |node_modules/);
    }
    await honestMs(url);
  });
});

test("a workbook of a few kilobytes that says or hides how much it unpacks to is refused", async () => {
  const bomb = deflateRawSync(Buffer.alloc(BOMB_BYTES, 0x20), { level: 1 });
  for (const size of [BOMB_BYTES, 1_000]) {
    const before = line.api.process();
    const answer = await fetch(`${line.api.url}/v1/imports?preview=true`, {
      method: "POST",
      headers: { authorization: `Bearer ${line.token}`, "content-type": "application/octet-stream" },
      body: new Uint8Array(workbook(bomb, size)),
    });
    expect({ size, status: answer.status }).toEqual({ size, status: 400 });
    expect(line.api.process()).toBe(before);
  }
});

/** An archive whose only sheet is these bytes, with `size` as its stated size. */
function workbook(packed: Buffer, size: number): Buffer {
  const name = Buffer.from("xl/workbook.xml");
  const shape = Buffer.alloc(26);
  shape.writeUInt16LE(20, 0);
  shape.writeUInt16LE(8, 4);
  shape.writeUInt32LE(packed.length, 14);
  shape.writeUInt32LE(size, 18);
  shape.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from("PK\u0003\u0004", "latin1"), shape, name, packed]);
  const entry = Buffer.concat([
    Buffer.from("PK\u0001\u0002\u0014\u0000", "latin1"),
    shape,
    Buffer.alloc(14),
    name,
  ]);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(1, 4);
  end.writeUInt16LE(1, 6);
  end.writeUInt32LE(entry.length, 8);
  end.writeUInt32LE(local.length, 12);
  return Buffer.concat([local, entry, Buffer.from("PK\u0005\u0006", "latin1"), end]);
}

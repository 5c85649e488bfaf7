import { connect, type Socket } from "node:net";
import { createBodyMaker, type BodyMaker } from "./bodies.js";

/** What the load generator should send. */
export interface LoadOrder {
  port: number;
  path: string;
  headers: Record<string, string>;
  eventsPerRequest: number;
  connections: number;
  /** Requests in total. */
  requests: number;
  /** Requests per second, evenly spaced; if absent, as fast as the answers come. */
  rate?: number;
  /** Also returns when each request was answered. */
  withTimes?: boolean;
}

/** The results. Times in milliseconds of the real clock. */
export interface LoadReport {
  startedAt: number;
  endedAt: number;
  /** Answers by status. */
  statuses: Record<string, number>;
  /** For each request, from when it was due; ascending. */
  latenciesMs: number[];
  /** When each successful answer came, ascending; empty unless asked for. */
  answeredAt: number[];
}

const RETRY_MS = 100;
/** Enough bodies that none is changed while it is still being sent. */
const SPARE_BODIES = 2;

process.on("message", (order: LoadOrder) => {
  void run(order).then((report) => process.send!(report));
});
process.once("disconnect", () => process.exit(0));
process.send!({ ready: true });

async function run(order: LoadOrder): Promise<LoadReport> {
  const bodies = createBodyMaker(order.eventsPerRequest, Math.max(8, order.connections * SPARE_BODIES));
  const report: LoadReport = { startedAt: 0, endedAt: 0, statuses: {}, latenciesMs: [], answeredAt: [] };
  const lines = await Promise.all(Array.from({ length: order.connections }, () => open(order)));
  report.startedAt = now();
  const due = order.rate ? createSchedule(report.startedAt, order.rate) : undefined;
  let left = order.requests;
  const take = () => left-- > 0;
  await Promise.all(lines.map((line) => drive(line, { order, bodies, report, take, due })));
  report.endedAt = now();
  for (const { socket } of lines) socket.destroy();
  report.latenciesMs.sort((a, b) => a - b);
  report.answeredAt.sort((a, b) => a - b);
  return report;
}

const now = (): number => performance.timeOrigin + performance.now();

function createSchedule(start: number, rate: number): () => number {
  let count = 0;
  return () => start + ((count += 1) * 1_000) / rate;
}

interface Run {
  order: LoadOrder;
  bodies: BodyMaker;
  report: LoadReport;
  take: () => boolean;
  due: (() => number) | undefined;
}

async function drive(line: Line, { order, bodies, report, take, due }: Run): Promise<void> {
  while (take()) {
    const at = due?.();
    if (at !== undefined && at > now()) await sleep(at - now());
    const sent = at ?? now();
    const body = bodies.next();
    for (let status = 0; status !== 202;) {
      status = await line.post(body);
      report.statuses[status] = (report.statuses[status] ?? 0) + 1;
      if (status !== 202) await sleep(RETRY_MS);
    }
    const answered = now();
    report.latenciesMs.push(answered - sent);
    if (order.withTimes) report.answeredAt.push(answered);
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Line {
  socket: Socket;
  /** Sends one request and returns the status of its answer. */
  post(body: Buffer): Promise<number>;
}

/** One connection, one request at a time, without a client library, whose cost would be measured too. */
async function open({ port, path, headers }: LoadOrder): Promise<Line> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await new Promise((resolve, reject) => (socket.once("connect", resolve), socket.once("error", reject)));
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")}`;
  let waiting: ((status: number) => void) | undefined;
  let received = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    received += chunk;
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(received)?.[1] ?? 0);
    if (received.length < end + 4 + length) return;
    const status = Number(received.slice(9, 12));
    received = "";
    waiting?.(status);
  });
  socket.on("close", () => waiting?.(0));
  return {
    socket,
    post: (body) =>
      new Promise((resolve) => {
        waiting = resolve;
        // Head and body in one write, as clients send a small request.
        socket.cork();
        socket.write(`${head}content-length: ${body.length}\r\n\r\n`, "latin1");
        socket.write(body);
        socket.uncork();
      }),
  };
}

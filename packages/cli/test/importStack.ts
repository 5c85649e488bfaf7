import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  addDecimals,
  formatInstant,
  hourOf,
  parseUsageEvent,
  type CloudEvent,
  type Meter,
} from "@quarterpast/domain";
import type { ImportOptions } from "../src/import/importFile.js";

/** The api and the collector as an import sees them, on one real HTTP server, with the domain's rules for events. */
export interface ImportStack {
  dataDir: string;
  /** Every batch that arrived, with the real time in ms. */
  batches: { at: number; events: CloudEvent[] }[];
  /** The accepted events: the first of each (source, id). */
  taken: Map<string, CloudEvent>;
  /** Answers a batch instead of the rules if it returns a status. */
  intercept: (events: CloudEvent[]) => number | undefined;
  /** Quantity and number of the accepted events, by hour and meter. */
  totals(): Record<string, { quantity: string; events: number }>;
  write(name: string, content: string | Buffer): Promise<string>;
  stop(): Promise<void>;
}

/** The product's clock in such a stack. */
export interface StackClock {
  startMicros: number;
  atMs: number;
  rate: number;
}

export const METERS: Meter[] = [
  { code: "context", aggregation: "sum", unit: "token", scale: 6 },
  { code: "generated", aggregation: "sum", unit: "token", scale: 6 },
  { code: "requests", aggregation: "count", unit: "request", scale: 0 },
  { code: "users", aggregation: "unique", unit: "user", scale: 0 },
];

/** Options for importing the real input's columns into two meters. */
export const TOKENS: ImportOptions = {
  source: "llm",
  time: "TIMESTAMP",
  subject: "customer-1",
  meter: ["context=ContextTokens", "generated=GeneratedTokens"],
};

export async function startStack(clock: StackClock): Promise<ImportStack> {
  const dataDir = await mkdtemp(join(tmpdir(), "import-"));
  const now = () => Math.floor(clock.startMicros + Math.max(0, Date.now() - clock.atMs) * 1000 * clock.rate);
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await writeFile(join(dataDir, "stack.json"), JSON.stringify({ api: url, apiKey: "qp_test" }));
  const stack: ImportStack = {
    dataDir,
    batches: [],
    taken: new Map(),
    intercept: () => undefined,
    totals: () => totalsOf(stack.taken.values()),
    async write(name, content) {
      await writeFile(join(dataDir, name), content);
      return join(dataDir, name);
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(dataDir, { recursive: true });
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const [status, body] = answer(request.url!.split("?")[0]!, Buffer.concat(chunks).toString());
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }

  function answer(path: string, body: string): [number, unknown] {
    switch (path) {
      case "/v1/stack": {
        const told = {
          start: formatInstant(clock.startMicros),
          at: formatInstant(clock.atMs * 1000),
          rate: clock.rate,
        };
        return [200, { api: url, collector: url, clock: { ...told, now: formatInstant(now()) } }];
      }
      case "/v1/meters":
        return [200, { items: METERS, next: null }];
      default:
        return take(JSON.parse(body) as CloudEvent[]);
    }
  }

  function take(events: CloudEvent[]): [number, unknown] {
    stack.batches.push({ at: Date.now(), events });
    const status = stack.intercept(events);
    if (status !== undefined) return [status, { code: "unauthorized", detail: "told to refuse" }];
    const rejected = events.flatMap((event, index) => {
      const parsed = parseUsageEvent(event, now());
      if (!parsed.ok) {
        const retryable = parsed.problem.code === "time_in_future";
        return [{ index, id: parsed.id, ...parsed.problem, retryable }];
      }
      const key = JSON.stringify([event.source, event.id]);
      if (!stack.taken.has(key)) stack.taken.set(key, event);
      return [];
    });
    const accepted = events.length - rejected.length;
    return [rejected.length === 0 ? 202 : accepted === 0 ? 422 : 207, { accepted, rejected }];
  }

  return stack;
}

function totalsOf(events: Iterable<CloudEvent>): ReturnType<ImportStack["totals"]> {
  const totals: ReturnType<ImportStack["totals"]> = {};
  for (const event of events) {
    const hour = formatInstant(hourOf(Date.parse(event.time) * 1000)).slice(0, 13);
    const total = (totals[`${hour} ${event.type}`] ??= { quantity: "0", events: 0 });
    total.quantity = addDecimals(total.quantity, String(event.data?.quantity ?? "0"));
    total.events += 1;
  }
  return totals;
}

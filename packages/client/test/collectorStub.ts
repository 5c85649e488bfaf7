import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { CloudEvent } from "@quarterpast/domain";

/** The stub's answer to a batch; undefined closes the connection without an answer. */
export interface StubAnswer {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
}

export interface CollectorStub {
  url: string;
  /** Every batch that arrived, answered or not. */
  batches: CloudEvent[][];
  sockets: Set<unknown>;
  stop(): Promise<void>;
}

/** The collector's side of the protocol on a real HTTP server; `answer` decides about each batch. */
export async function startStub(
  answer: (
    events: CloudEvent[],
    call: number,
    request: IncomingMessage,
  ) => StubAnswer | undefined | Promise<StubAnswer | undefined>,
): Promise<CollectorStub> {
  const batches: CloudEvent[][] = [];
  const sockets = new Set<unknown>();
  const server = createServer((request, response) => void handle(request, response));

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    sockets.add(request.socket);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const events = JSON.parse(Buffer.concat(chunks).toString()) as CloudEvent[];
    batches.push(events);
    const told = await answer(events, batches.length, request);
    if (told === undefined) return void request.socket.destroy();
    response.writeHead(told.status ?? 202, { "content-type": "application/json", ...told.headers });
    response.end(JSON.stringify(told.body ?? { accepted: events.length, rejected: [] }));
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    batches,
    sockets,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The answer that rejects the events for which `refuse` returns a refusal. */
export function rejecting(
  events: CloudEvent[],
  refuse: (event: CloudEvent) => object | undefined,
): StubAnswer {
  const rejected = events.flatMap((event, index) => {
    const refusal = refuse(event);
    return refusal ? [{ index, id: event.id, ...refusal }] : [];
  });
  const accepted = events.length - rejected.length;
  const isAhead = rejected.every((one) => "retryable" in one && one.retryable === true);
  const refused = isAhead ? 503 : 422;
  return {
    status: rejected.length === 0 ? 202 : accepted > 0 ? 207 : refused,
    body: { accepted, rejected },
  };
}

import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

/** A usage record as received. */
export type Filed = Record<string, string>;

/** What was received of one call. */
export interface Received {
  path: string;
  body: string;
  headers: IncomingMessage["headers"];
}

/** Answers in place of the marketplace's own. */
export type Fault = (response: ServerResponse, accept: () => void) => void;

/** KooGallery's usage push as koogallery.md 1 tells it: a real server, for tests of the adapter. */
export interface FakeKooGallery {
  url: string;
  host: string;
  received: Received[];
  /** What it keeps, by serial number: the first bytes that came under it. */
  filed: Map<string, Filed>;
  /** Serial numbers that make a whole call fail (MKT.9002). */
  poison: Set<string>;
  /** Codes of single records, by serial number. */
  abnormal: Map<string, string>;
  /** Used up one per call. */
  faults: Fault[];
  /** How far its clock is ahead of ours. */
  aheadMs: number;
  close: () => Promise<void>;
}

const CLOCK_TOLERANCE_MS = 60_000;
const MAX_RECORDS = 1000;

export async function startFakeKooGallery(key: string): Promise<FakeKooGallery> {
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fake: FakeKooGallery = {
    url: `http://${host}`,
    host,
    received: [],
    filed: new Map(),
    poison: new Set(),
    abnormal: new Map(),
    faults: [],
    aheadMs: 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    fake.received.push({ path: request.url ?? "", body: body.toString("utf8"), headers: request.headers });
    response.setHeader("date", new Date(Date.now() + fake.aheadMs).toUTCString());
    const fault = fake.faults.shift();
    const accept = () => void answer(request.headers, body);
    if (fault) return fault(response, accept);
    const [status, reply] = answer(request.headers, body);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(reply));
  }

  function answer(headers: IncomingMessage["headers"], body: Buffer): [number, object] {
    const { ts, nonce, signature } = headers;
    if (!ts || !nonce || !signature) return refuse(400, "MKT.0199");
    const expected = createHmac("sha256", key)
      .update(`ts=${String(ts)}&nonce=${String(nonce)}&body=`)
      .update(body)
      .digest("base64");
    const inTime = Math.abs(Number(ts) - Date.now() - fake.aheadMs) <= CLOCK_TOLERANCE_MS;
    if (signature !== expected || !inTime) return refuse(400, "MKT.0102");
    const { usage_records: records } = JSON.parse(body.toString("utf8")) as { usage_records: Filed[] };
    if (records.length === 0) return refuse(400, "MKT.0101");
    if (records.length > MAX_RECORDS) return refuse(500, "MKT.9003");
    if (records.some((record) => fake.poison.has(record["metering_sn"]!))) return refuse(500, "MKT.9002");
    return [
      200,
      {
        error_code: "MKT.0000",
        error_msg: "success",
        data: { info: { abnormal_usage_data: file(records) } },
      },
    ];
  }

  function file(records: Filed[]): object[] {
    const abnormal: object[] = [];
    for (const record of records) {
      const sn = record["metering_sn"]!;
      const code = fake.abnormal.get(sn) ?? (fake.filed.has(sn) ? "005" : undefined);
      if (code !== undefined) abnormal.push({ metering_sn: sn, error_code: code, error_msg: `told ${code}` });
      else fake.filed.set(sn, record);
    }
    return abnormal;
  }

  return fake;
}

function refuse(status: number, code: string): [number, object] {
  return [status, { error_code: code, error_msg: "refused" }];
}

/** A fault that answers with a status, a body and headers. */
export function answering(status: number, body: string, headers: Record<string, string> = {}): Fault {
  return (response) => void response.writeHead(status, headers).end(body);
}

/** Faults that both the adapter's own tests and the conformance suite use. */
export const FAULTS = {
  acceptThenHang: ((_, accept) => accept()) as Fault,
  acceptThenCut: ((response, accept) => {
    accept();
    response.socket?.destroy();
  }) as Fault,
  acceptThenBroken: ((response, accept) => {
    accept();
    response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad Gateway</h1>");
  }) as Fault,
  halfReply: ((response, accept) => {
    accept();
    response.writeHead(200, { "content-length": "100" }).write('{"error_code":"MKT.0000"');
    setTimeout(() => response.socket?.destroy(), 20);
  }) as Fault,
  drip: ((response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(" "), 20);
    response.on("close", () => clearInterval(timer));
  }) as Fault,
  huge: ((response) => void response.writeHead(200).end(Buffer.alloc(2 * 1024 * 1024, 0x20))) as Fault,
  compressed: ((response) =>
    void response
      .writeHead(200, { "content-encoding": "gzip" })
      .end(gzipSync('{"error_code":"MKT.0000","error_msg":"success"}'))) as Fault,
} as const;

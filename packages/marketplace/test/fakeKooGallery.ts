import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

/** A usage record as received. */
export type Filed = Record<string, string>;

/** One received call. */
export interface Received {
  path: string;
  body: string;
  headers: IncomingMessage["headers"];
}

/** Answers in place of the marketplace. */
export type Fault = (response: ServerResponse, accept: () => void) => void;

/** KooGallery's usage push according to koogallery.md 1: a real server, for tests of the adapter. */
export interface FakeKooGallery {
  url: string;
  host: string;
  received: Received[];
  /** The records it holds, by name (for the new push the serial number): the first bytes received under it. */
  filed: Map<string, Filed>;
  /** Names of records that make a whole call fail (MKT.9002). */
  poison: Set<string>;
  /** Codes of single records, by name. */
  abnormal: Map<string, string>;
  /** Used up one per call. */
  faults: Fault[];
  /** How far its clock is ahead of ours. */
  aheadMs: number;
  close: () => Promise<void>;
}

const CLOCK_TOLERANCE_MS = 60_000;
const MAX_RECORDS = 1000;

/** How one of the two pushes names records and signs, as the fake checks it. */
export interface FakePush {
  /** The name by which a record is kept, poisoned and marked. */
  nameOf(record: Filed): string;
  /** Its naming fields in a reply, and the code of a duplicate. */
  namesIn(record: Filed): Filed;
  duplicate: string;
  /** What is wrong with a call, or undefined. */
  refusal(request: IncomingMessage, body: Buffer, now: number): [number, object] | undefined;
}

/** The new push: HMAC over ts, nonce and body (koogallery.md 1.3). */
export function newPush(key: string): FakePush {
  return {
    nameOf: (record) => record["metering_sn"]!,
    namesIn: (record) => ({ metering_sn: record["metering_sn"]! }),
    duplicate: "005",
    refusal({ headers }, body, now) {
      const { ts, nonce, signature } = headers;
      if (!ts || !nonce || !signature) return refuse(400, "MKT.0199");
      const expected = createHmac("sha256", key)
        .update(`ts=${String(ts)}&nonce=${String(nonce)}&body=`)
        .update(body)
        .digest("base64");
      const inTime = Math.abs(Number(ts) - now) <= CLOCK_TOLERANCE_MS;
      return signature !== expected || !inTime ? refuse(400, "MKT.0102") : undefined;
    },
  };
}

/** The old push: AK/SK as checked by the API gateway (koogallery.md 1.6, 4.3); `nameOf` distinguishes records. */
export function oldPush(ak: string, sk: string, nameOf: (record: Filed) => string): FakePush {
  const hash = (data: string | Buffer) => createHash("sha256").update(data).digest("hex");
  return {
    nameOf,
    namesIn: ({ instance_id, begin_time, end_time }) =>
      ({ instance_id, begin_time, end_time }) as unknown as Filed,
    duplicate: "010",
    refusal({ url, headers }, body, now) {
      const parts = /^SDK-HMAC-SHA256 Access=(.*), SignedHeaders=(.*), Signature=(.*)$/.exec(
        String(headers["authorization"]),
      );
      const names = parts?.[2]!.split(";") ?? [];
      const date = String(headers["x-sdk-date"]);
      const at = Date.parse(date.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, "$1-$2-$3T$4:$5:$6Z"));
      const signed = names.map((name) => `${name}:${String(headers[name])}\n`).join("");
      const canonical = `POST\n${url}/\n\n${signed}\n${names.join(";")}\n${hash(body)}`;
      const expected = createHmac("sha256", sk)
        .update(`SDK-HMAC-SHA256\n${date}\n${hash(canonical)}`)
        .digest("hex");
      const isComplete = ["content-type", "host", "x-sdk-date"].every((name) => names.includes(name));
      const isRight = parts?.[1] === ak && parts[3] === expected && isComplete;
      return isRight && Math.abs(at - now) <= CLOCK_TOLERANCE_MS ? undefined : refuse(401, "MKT.0154");
    },
  };
}

export async function startFakeKooGallery(key: string | FakePush): Promise<FakeKooGallery> {
  const push = typeof key === "string" ? newPush(key) : key;
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
    const accept = () => void answer(request, body);
    if (fault) return fault(response, accept);
    const [status, reply] = answer(request, body);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(reply));
  }

  function answer(request: IncomingMessage, body: Buffer): [number, object] {
    const refused = push.refusal(request, body, Date.now() + fake.aheadMs);
    if (refused) return refused;
    const { usage_records: records } = JSON.parse(body.toString("utf8")) as { usage_records: Filed[] };
    if (records.length === 0) return refuse(400, "MKT.0101");
    if (records.length > MAX_RECORDS) return refuse(500, "MKT.9003");
    if (records.some((record) => fake.poison.has(push.nameOf(record)))) return refuse(500, "MKT.9002");
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
      const name = push.nameOf(record);
      const code = fake.abnormal.get(name) ?? (fake.filed.has(name) ? push.duplicate : undefined);
      if (code !== undefined)
        abnormal.push({ ...push.namesIn(record), error_code: code, error_msg: `told ${code}` });
      else fake.filed.set(name, record);
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

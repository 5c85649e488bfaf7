import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openMarketplace, type OpenMarketplace, type OpenSettings } from "./open.js";
import { answering, FAULTS, startFakeKooGallery, type FakeKooGallery } from "./fakeKooGallery.js";

const KEY = "testAccessKey-0001";
const CALL = { records: [{ serialNumber: "s1", wire: '{"metering_sn":"s1","usage_value":"1"}' }] };
const MINUTES_20 = 20 * 60_000;

let fake: FakeKooGallery;
let other: FakeKooGallery;
let adapters: OpenMarketplace[];

beforeEach(async () => {
  [fake, other] = await Promise.all([startFakeKooGallery(KEY), startFakeKooGallery(KEY)]);
  adapters = [];
});
afterEach(async () => {
  await Promise.all(adapters.map((adapter) => adapter.close()));
  await Promise.all([fake.close(), other.close()]);
});

function adapterOf(settings: OpenSettings = {}): OpenMarketplace {
  const adapter = openMarketplace({
    site: "intl",
    key: KEY,
    baseUrl: fake.url,
    timeouts: { connectMs: 900, headersMs: 900, totalMs: 900 },
    ...settings,
  });
  adapters.push(adapter);
  return adapter;
}

describe("what is sent", () => {
  test("goes to the interface's path, below the base URL's own, with fresh headers on each attempt", async () => {
    const adapter = adapterOf({ baseUrl: `${fake.url}/proxy/` });
    await adapter.submit(CALL);
    await adapter.submit(CALL);
    const [first, second] = fake.received;
    expect(first!.path).toBe("/proxy/api/mkp-openapi-public/global/v1/isv/usage-data");
    expect(first!.body).toBe(`{"usage_records":[${CALL.records[0]!.wire}]}`);
    expect(first!.headers).toMatchObject({
      "content-type": "application/json",
      ts: expect.stringMatching(/^\d{13}$/),
    });
    expect(first!.headers["authorization"]).toBeUndefined();
    expect(second!.headers["nonce"]).not.toBe(first!.headers["nonce"]);
  });

  test("carries evidence of what came back, cut at 64 KB", async () => {
    fake.faults.push(answering(200, `{"error_code":"MKT.0000","pad":"${"x".repeat(200_000)}"}`));
    const { evidence, kind } = await adapterOf().submit(CALL);
    expect(kind).toBe("accepted");
    expect(evidence).toMatchObject({ httpStatus: 200, host: fake.host });
    expect(evidence.rawReply).toHaveLength(64 * 1024);
    expect(Math.abs(evidence.startedAt / 1000 - Date.now())).toBeLessThan(5_000);
  });
});

describe("replies that are none", () => {
  test.each([
    ["halfReply", "CUT"],
    ["drip", "TIMEOUT"],
    ["acceptThenHang", "TIMEOUT"],
    ["huge", "REPLY_TOO_LARGE"],
    ["acceptThenCut", "CUT"],
    ["compressed", "NO_CODE"],
  ] as const)("%s is unknown with %s, in time, and never goes to the fallback host", async (fault, code) => {
    fake.faults.push(FAULTS[fault]);
    const started = Date.now();
    const result = await adapterOf({ fallbackHosts: [other.url] }).submit(CALL);
    expect(result).toMatchObject({
      kind: "unknown",
      code,
      evidence: { host: fake.host, bytesSent: true },
      earlier: [],
    });
    expect(Date.now() - started).toBeLessThan(2_000);
    expect(other.received).toHaveLength(0);
  });

  test("a redirect is not followed", async () => {
    fake.faults.push(answering(307, "", { location: `${other.url}/x` }));
    expect(await adapterOf().submit(CALL)).toMatchObject({ kind: "unknown", evidence: { httpStatus: 307 } });
    expect(other.received).toHaveLength(0);
  });

  test("Retry-After is taken in seconds and as a date, even if the reply says nothing else", async () => {
    const date = "Thu, 16 Nov 2023 18:00:00 GMT";
    fake.faults.push(answering(503, "busy", { "retry-after": "3" }));
    fake.faults.push(answering(503, "busy", { "retry-after": "Thu, 16 Nov 2023 18:00:09 GMT", date }));
    const adapter = adapterOf();
    expect(await adapter.submit(CALL)).toMatchObject({ kind: "unknown", retryAfterMs: 3000 });
    expect(await adapter.submit(CALL)).toMatchObject({ kind: "unknown", retryAfterMs: 9000 });
  });
});

describe("the fallback host", () => {
  test("is asked where the name cannot be resolved", async () => {
    const result = await adapterOf({ baseUrl: "https://nowhere.invalid", fallbackHosts: [fake.url] }).submit(
      CALL,
    );
    expect(result).toMatchObject({ kind: "accepted", evidence: { host: fake.host } });
    expect(result.earlier).toMatchObject([
      { host: "nowhere.invalid", bytesSent: false, transport: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) },
    ]);
  });

  test("is not asked where a connection was taken and bytes went over it", async () => {
    const sockets: Socket[] = [];
    const blackHole = createTcpServer((socket) => void sockets.push(socket.resume().on("error", () => {})));
    await new Promise<void>((resolve) => blackHole.listen(0, "127.0.0.1", resolve));
    const baseUrl = `http://127.0.0.1:${(blackHole.address() as AddressInfo).port}`;
    const result = await adapterOf({ baseUrl, fallbackHosts: [fake.url] }).submit(CALL);
    expect(result).toMatchObject({ kind: "unknown", code: "TIMEOUT", earlier: [] });
    expect(fake.received).toHaveLength(0);
    for (const socket of sockets) socket.destroy();
    blackHole.close();
  });

  test("all hosts away: surely not taken", async () => {
    await fake.close();
    await other.close();
    const result = await adapterOf({ fallbackHosts: [other.url] }).submit(CALL);
    expect(result).toMatchObject({
      kind: "retry",
      code: "NOT_SENT",
      evidence: { host: other.host, bytesSent: false },
    });
    expect(result.evidence.transport).toBe("ECONNREFUSED");
    expect(result.earlier).toHaveLength(1);
  });

  test("a server that does not speak TLS gets nothing to read", async () => {
    const result = await adapterOf({ baseUrl: fake.url.replace("http:", "https:") }).submit(CALL);
    expect(result).toMatchObject({ kind: "retry", code: "NOT_SENT", evidence: { bytesSent: false } });
    expect(fake.received).toHaveLength(0);
  });
});

describe("the marketplace's clock", () => {
  test.each([MINUTES_20, -MINUTES_20])(
    "is learned from the first reply when ours is off by %i ms",
    async (aheadMs) => {
      fake.aheadMs = aheadMs;
      const adapter = adapterOf();
      const first = await adapter.submit(CALL);
      expect(first).toMatchObject({ kind: "accepted", earlier: [{ httpStatus: 400 }] });
      expect(fake.received).toHaveLength(2);
      expect(Math.abs(first.evidence.serverDateOffsetMs! - aheadMs)).toBeLessThan(2_000);
      expect(await adapter.submit(CALL)).toMatchObject({ kind: "accepted", earlier: [] });
      const probed = await adapter.probe();
      expect(Math.abs(probed.skewMs - aheadMs)).toBeLessThan(2_000);
    },
  );

  test("a wrong key is asked about once more at most, not for ever", async () => {
    fake.aheadMs = MINUTES_20;
    const adapter = adapterOf({ key: "wrong" });
    expect(await adapter.submit(CALL)).toMatchObject({ kind: "halt", code: "MKT.0102", earlier: [{}] });
    expect(await adapter.submit(CALL)).toMatchObject({ kind: "halt", code: "MKT.0102", earlier: [] });
    expect(fake.received).toHaveLength(3);
  });
});

describe("the probe", () => {
  test("sends only an empty list", async () => {
    await adapterOf().probe();
    expect(fake.received.map((call) => call.body)).toEqual(['{"usage_records":[]}']);
    expect(fake.filed.size).toBe(0);
  });

  test.each([
    ["MKT.0100", "right"],
    ["MKT.0101", "right"],
    ["MKT.9002", "right"],
    ["MKT.0102", "wrong"],
    ["MKT.0999", "unknown"],
  ])("after %s holds the key for %s", async (code, key) => {
    fake.faults.push(answering(500, JSON.stringify({ error_code: code })));
    expect(await adapterOf().probe()).toMatchObject({ reachable: true, key, code });
  });

  test("says what is not there, and what is not the marketplace", async () => {
    fake.faults.push(answering(200, "<h1>It works!</h1>"));
    expect(await adapterOf().probe()).toMatchObject({ reachable: false, key: "unknown", code: "NO_CODE" });
    await fake.close();
    expect(await adapterOf().probe()).toMatchObject({ reachable: false, key: "unknown", code: "NOT_SENT" });
  });
});

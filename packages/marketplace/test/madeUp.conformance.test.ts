import { randomUUID } from "node:crypto";
import { HOUR, MINUTE } from "@quarterpast/domain";
import { madeUp, startMadeUpServer, type MadeUpFault, type MadeUpServer } from "@quarterpast/testkit/madeUp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientOf, marketplaceNames, profileOf, readSecrets, registerMarketplace } from "../src/registry.js";
import { describeAdapter, type ConformanceServer } from "./conformance.js";
import type { OpenMarketplace } from "./open.js";

registerMarketplace(madeUp);

const KEY = "conformance-Key-0003";
const answering =
  (status: number, body: string | Buffer, headers: Record<string, string> = {}): MadeUpFault =>
  (response) =>
    void response.writeHead(status, headers).end(body);
const BEHAVIOURS: Record<Parameters<ConformanceServer["next"]>[0], MadeUpFault> = {
  hang: () => {},
  accept_then_hang: (_, accept) => accept(),
  accept_then_cut: (response, accept) => {
    accept();
    response.socket?.destroy();
  },
  accept_then_5xx: (response, accept) => {
    accept();
    response.writeHead(502).end("<h1>Bad Gateway</h1>");
  },
  garbage: answering(200, "<html>taken</html>"),
  throttle: answering(429, '{"code":"TOO_FAST"}', { "retry-after": "7" }),
  huge: answering(200, Buffer.alloc(2 * 1024 * 1024, 0x20)),
  redirect: answering(307, "", { location: "/elsewhere" }),
};

function open(url: string, key: string): OpenMarketplace {
  const account = { code: "m", marketplace: "madeup", site: "main", settings: { MADE_UP_URL: url } };
  const read = readSecrets(account, { MADE_UP_KEY: key });
  if (!read.ok) throw new Error(read.problem.name);
  const timeouts = { connectMs: 900, headersMs: 900, totalMs: 900 };
  const client = clientOf(account, () => read.value, { now: Date.now, nonce: randomUUID, timeouts });
  return { ...profileOf(account), ...client };
}

describeAdapter("a made-up marketplace that answers by record", {
  start: async () => {
    const fake = await startMadeUpServer(KEY);
    const server: ConformanceServer = {
      filed: () => new Map([...fake.filed.values()].map((record) => [record.ref, record])),
      bodies: () => fake.bodies,
      next: (behaviour) => void fake.faults.push(BEHAVIOURS[behaviour]),
      poison: (serialNumber) => void fake.poison.add(serialNumber),
      close: () => fake.close(),
    };
    return { server, adapter: open(fake.url, KEY), stranger: open(fake.url, "another-Key-0004"), key: KEY };
  },
});

describe("what a marketplace says record by record", () => {
  let fake: MadeUpServer;
  let market: OpenMarketplace;
  beforeAll(async () => {
    fake = await startMadeUpServer(KEY);
    market = open(fake.url, KEY);
  });
  afterAll(async () => {
    await market.close();
    await fake.close();
  });

  test("reaches the caller as it was said, with the receipts of what is there", async () => {
    const begin = Date.UTC(2026, 2, 1, 10) * 1_000;
    const record = (ref: string, quantity = "3", instanceId = ref) => ({
      serialNumber: ref,
      wire: market.encodeRecord({
        ...{ instanceId, serialNumber: ref, begin, end: begin + HOUR, quantity },
        recordTime: begin + HOUR + MINUTE,
      }),
    });
    await market.submit({ records: [record("there"), record("first")] });
    for (const status of ["BUSY", "CLOSED", "OLD", "SILENT", "WHAT"]) fake.answers.set(status, status);
    const result = await market.submit({
      records: [
        ...[record("new"), record("there"), record("second", "4", "first")],
        ...["BUSY", "CLOSED", "OLD", "SILENT", "WHAT"].map((ref) => record(ref)),
      ],
    });
    expect(result).toMatchObject({
      kind: "accepted",
      exceptions: [
        { serialNumber: "there", outcome: "duplicate", proven: true },
        { serialNumber: "second", outcome: "duplicate", held: "3" },
        { serialNumber: "BUSY", outcome: "not_taken" },
        { serialNumber: "CLOSED", outcome: "rejected_fixable" },
        { serialNumber: "OLD", outcome: "expired" },
        { serialNumber: "SILENT", outcome: "unknown" },
        { serialNumber: "WHAT", outcome: "unknown" },
      ],
      receipts: [
        { serialNumber: "new", receipt: "R-new 20260301T10" },
        { serialNumber: "there", receipt: "R-there 20260301T10" },
      ],
    });
  });

  test("it serves though nothing of the product names it", () => {
    expect(marketplaceNames()).toEqual(["koogallery", "madeup"]);
  });
});

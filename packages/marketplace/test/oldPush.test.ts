import { HOUR, MINUTE, parseCompact } from "@quarterpast/domain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readAccessKey } from "../src/koogallery/push.js";
import { resendOf, versionsAfterStatement, versionsNamedBySlot } from "../src/profile.js";
import { declareAccount, profileOf, readSecrets } from "../src/registry.js";
import { openMarketplace, type OpenMarketplace, type OpenSettings } from "./open.js";
import { secret } from "../src/secret.js";
import { answering, oldPush, startFakeKooGallery, type FakeKooGallery } from "./fakeKooGallery.js";

const [AK, SK] = ["AK-1", "testSecretKey-0001"];
const BEGIN = parseCompact("20220809T080000Z")!;
const RECORD = {
  instanceId: "7f141bf1-aec8-4859-8323-fb3a8ad50721",
  serialNumber: "b1-1",
  begin: BEGIN,
  end: BEGIN + HOUR,
  recordTime: BEGIN + HOUR + 10 * MINUTE,
  quantity: "99",
  product: "OFFI846204237451911168",
};
const MINUTES_20 = 20 * 60_000;

let fake: FakeKooGallery;
let adapters: OpenMarketplace[];
beforeEach(async () => {
  fake = await startFakeKooGallery(oldPush(AK, SK, (record) => record["instance_id"]!));
  adapters = [];
});
afterEach(async () => {
  await Promise.all(adapters.map((adapter) => adapter.close()));
  await fake.close();
});

function adapterOf(settings: OpenSettings = {}): OpenMarketplace {
  const adapter = openMarketplace({
    ...{ key: "interconnection-key", push: "old", baseUrl: fake.url },
    accessKey: () => ({ ak: AK, sk: secret(SK) }),
    timeouts: { connectMs: 5_000, headersMs: 5_000, totalMs: 5_000 },
    ...settings,
  });
  adapters.push(adapter);
  return adapter;
}
const frozen = (adapter: OpenMarketplace, change: Partial<typeof RECORD> = {}) => {
  const record = { ...RECORD, ...change };
  return {
    serialNumber: record.serialNumber,
    wire: adapter.encodeRecord(record),
    wireVersion: adapter.wireVersion,
  };
};

describe("the wire text of the old push", () => {
  // Wire version 2 must never change a byte: records were frozen with it.
  test("names the product, has no serial number, and is else as the new one: sorted, compact, of strings", () => {
    const adapter = adapterOf();
    expect(adapter.wireVersion).toBe(2);
    expect(adapter.encodeRecord({ ...RECORD, relatedPackageInstance: "pkg-1" })).toBe(
      '{"begin_time":"20220809T080000Z","end_time":"20220809T090000Z",' +
        '"instance_id":"7f141bf1-aec8-4859-8323-fb3a8ad50721","product_id":"OFFI846204237451911168",' +
        '"record_time":"20220809T091000Z","relate_pkg_instance":"pkg-1","usage_value":"99"}',
    );
  });

  test.each([undefined, "", " p", "商品", "x".repeat(65)])("refuses %j as a product", (product) => {
    const encode = () => adapterOf().encodeRecord({ ...RECORD, product });
    expect(encode).toThrow(/^product .* expected: 1 to 64 printable ASCII characters/);
  });
});

describe("a call by the old push", () => {
  test("goes to its own path with AK/SK, and without what the new one is signed by", async () => {
    const adapter = adapterOf({ baseUrl: `${fake.url}/proxy` });
    expect((await adapter.submit({ records: [frozen(adapter)] })).kind).toBe("accepted");
    const [{ path, headers }] = fake.received as [(typeof fake.received)[number]];
    expect(path).toBe("/proxy/rest/marketplace/v1/isv/usage-data");
    expect(headers.authorization).toMatch(
      /^SDK-HMAC-SHA256 Access=AK-1, SignedHeaders=content-type;host;x-sdk-date, Signature=[0-9a-f]{64}$/,
    );
    expect([headers["signature"], headers["nonce"], headers["ts"]]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("is judged record by record where the reply names their intervals; other intervals belong to none", async () => {
    const adapter = adapterOf();
    const entry = (change: object) => ({
      ...{ instance_id: RECORD.instanceId, begin_time: "20220809T080000Z", end_time: "20220809T090000Z" },
      ...{ error_code: "003", error_msg: "abnormal", ...change },
    });
    const abnormal = [
      entry({}),
      entry({ begin_time: "20220809T083000Z" }),
      { instanceId: "i-2", beginTime: "20220809T080000Z", endTime: "20220809T090000Z", code: 13 },
      entry({ instance_id: undefined }),
    ];
    fake.faults.push(
      answering(200, JSON.stringify({ error_code: "MKT.0000", data: { abnormal_usage_data: abnormal } })),
    );
    const records = [frozen(adapter), frozen(adapter, { instanceId: "i-2", serialNumber: "b1-2" })];
    const result = await adapter.submit({ records });
    expect(result).toMatchObject({
      kind: "accepted",
      exceptions: [
        { serialNumber: "b1-1", outcome: "rejected_fixable", code: "003" },
        { serialNumber: "b1-2", outcome: "rejected_fixable", code: "013" },
      ],
    });
    expect(result.evidence.unmatched).toHaveLength(2);
  });

  test("with one interval twice is a mistake of the caller: no reply could tell them apart", async () => {
    const adapter = adapterOf();
    const records = [frozen(adapter), frozen(adapter, { serialNumber: "b1-2" })];
    await expect(adapter.submit({ records })).rejects.toThrow(RangeError);
  });

  test.each([MINUTES_20, -MINUTES_20])(
    "is signed anew once where our clock is off by %i ms",
    async (aheadMs) => {
      fake.aheadMs = aheadMs;
      const adapter = adapterOf();
      const result = await adapter.submit({ records: [frozen(adapter)] });
      expect(result).toMatchObject({ kind: "accepted", earlier: [{ httpStatus: 401 }] });
    },
  );

  test("refused by the gateway, which checks AK/SK itself, halts and says that the key is wrong", async () => {
    const gateway = '{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information"}';
    const adapter = adapterOf();
    fake.faults.push(answering(401, gateway), answering(401, gateway));
    expect(await adapter.submit({ records: [frozen(adapter)] })).toMatchObject({
      kind: "halt",
      code: "APIGW.0301",
    });
    expect(await adapter.probe()).toMatchObject({ reachable: true, key: "wrong" });
  });
});

describe("records that were frozen for the other push", () => {
  test("go by theirs, whichever is the chosen one", async () => {
    const old = adapterOf();
    const changed = adapterOf({ push: "new" });
    expect((await changed.submit({ records: [frozen(old)] })).kind).toBe("accepted");
    expect(fake.received.at(-1)!.path).toBe("/rest/marketplace/v1/isv/usage-data");
    // The fake knows only AK/SK: it refuses records of the new push, which halts these records, not the account.
    const result = await old.submit({ records: [frozen(changed)] });
    expect(result).toMatchObject({ kind: "halt", alone: true, code: "MKT.0154" });
    expect(fake.received.at(-1)!.path).toBe("/api/mkp-openapi-public/global/v1/isv/usage-data");
    expect(fake.received.at(-1)!.body).toContain('"metering_sn":"b1-1"');
  });

  test("are cut from others before a byte is sent, and wait where the keys of theirs are not set", async () => {
    const [old, keyless] = [adapterOf(), adapterOf({ push: "new", accessKey: undefined })];
    const records = [frozen(keyless), frozen(old, { serialNumber: "b1-2" })];
    expect(await old.submit({ records })).toMatchObject({ kind: "split", pieces: [1, 1] });
    const waiting = await keyless.submit({ records: [records[1]!] });
    expect(waiting).toMatchObject({
      kind: "halt",
      alone: true,
      code: "OTHER_PUSH",
      evidence: { bytesSent: false },
    });
    expect(keyless.meaningOf("OTHER_PUSH")).toEqual({
      en: expect.stringContaining("ORDER_AK"),
      zh: expect.stringContaining("ORDER_AK"),
    });
    expect(fake.received).toEqual([]);
  });
});

describe("the settings", () => {
  const account = (push?: string) =>
    declareAccount({ code: "a", marketplace: "koogallery" }, { MARKETPLACE_PUSH: push });
  const KEYED = { MARKETPLACE_KEY: "k" };

  test("choose the push and hold its key; without any the new one is pushed to", () => {
    expect(profileOf(account()).wireVersion).toBe(1);
    expect(readSecrets(account(), KEYED)).toMatchObject({ ok: true, value: { accessKey: undefined } });
    expect(profileOf(account("old")).wireVersion).toBe(2);
    const read = readSecrets(account("old"), { ...KEYED, ORDER_AK: AK, ORDER_SK: SK });
    expect(read).toMatchObject({ ok: true, value: { accessKey: { ak: AK } } });
    expect(JSON.stringify(read)).not.toContain(SK);
  });

  test.each([
    ["old", {}, "ORDER_AK", ""],
    ["old", { ORDER_AK: AK }, "ORDER_SK", ""],
    ["new", { ORDER_SK: SK }, "ORDER_AK", ""],
    ["new", { ORDER_AK: "a,b", ORDER_SK: SK }, "ORDER_AK", '"a,b"'],
    ["new", { ORDER_AK: AK, ORDER_SK: "sk\n" }, "ORDER_SK", "(hidden)"],
  ])("of the push %s, %j are told: %s", (push, texts, name, value) => {
    const read = readSecrets(account(push), { ...KEYED, ...texts });
    expect(read).toMatchObject({ ok: false, problem: { name, value } });
    if (!read.ok) expect(read.problem.right.zh).toMatch(/\p{Script=Han}/u);
    if (push === "new") expect(readAccessKey(texts)).toEqual(read);
  });

  test("of an account without a key for the push that was chosen are refused", () => {
    expect(() => adapterOf({ accessKey: () => undefined })).toThrow(/^ORDER_AK is \(not set\); expected/);
    expect(() => adapterOf({ push: "v1" })).toThrow(/^MARKETPLACE_PUSH is v1; expected: one of new, old/);
    expect(() => adapterOf({ baseUrl: "http://mkt.myhuaweicloud.com" })).toThrow(/https/);
    expect(profileOf(account("old")).hosts).toEqual({
      primary: "mkt.myhuaweicloud.com",
      fallback: ["mkt.myhuaweicloud.cn"],
    });
  });

  test("what was frozen without a serial number goes again after a statement, and is named by its interval", () => {
    const { wires } = profileOf(account("old"));
    expect(wires).toEqual([
      { version: 1, resend: "at_once", namedBy: "serial_number" },
      { version: 2, resend: "after_statement", namedBy: "slot" },
    ]);
    expect([versionsAfterStatement({ wires }), versionsNamedBySlot({ wires })]).toEqual([[2], [2]]);
    expect([1, 2, 3].map((version) => resendOf({ wires }, version))).toEqual([
      "at_once",
      "after_statement",
      "after_statement",
    ]);
  });
});

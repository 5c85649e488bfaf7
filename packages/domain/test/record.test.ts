import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  CHAIN_GENESIS,
  extendChain,
  recordChecksum,
  sealRecord,
  serialNumber,
  type RecordBody,
} from "../src/billing/record.js";
import { HOUR, MINUTE, parseInstant, SECOND } from "../src/time.js";
import { decimal, fc } from "./property.js";

const H = parseInstant("2026-03-01T10:00:00Z")!;
const BODY: RecordBody = {
  account: "koogallery-cn",
  product: "llm",
  instance: "i-1",
  meter: "tokens",
  unit: "token",
  kind: "usage",
  hour: H,
  begin: H,
  end: H + HOUR,
  part: "0",
  quantity: "12.3457",
  residueIn: "0.00004",
  residueOut: "0.00001",
  events: 3,
  recordTime: H + HOUR + 2 * MINUTE,
};
const FIRST = { shard: 5, seq: 1, prev: CHAIN_GENESIS };

/** Text as the edge takes it: printable ASCII, quotes and backslashes included. */
const ascii = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 20 });
const body: fc.Arbitrary<RecordBody> = fc
  .record({
    account: ascii,
    product: ascii,
    instance: ascii,
    meter: ascii,
    unit: ascii,
    quantity: decimal(16, 4),
    minutes: fc.nat(59),
    events: fc.nat(),
  })
  .map(({ minutes, ...fields }) => ({ ...BODY, ...fields, begin: H + minutes * MINUTE }));

/** The checks that an outsider would make, in Python's standard library. */
const VERIFY = `
import hashlib, json, sys
for line in sys.stdin.buffer.read().split(b"\\n"):
    record = json.loads(line)
    assert all(isinstance(value, str) for value in record.values())
    again = json.dumps(record, sort_keys=True, separators=(",", ":")).encode("ascii")
    print(hashlib.sha256(b"billrec-v1\\n" + again).hexdigest())
`;

describe("canonical bytes and checksum", () => {
  // printf '%s\\n' sn-v1 koogallery-cn i-1 20260301T100000Z 20260301T110000Z | { cat; printf 0; } | sha256sum
  test("golden vector: serial number, bytes and checksum of a record", () => {
    const record = sealRecord(BODY, FIRST);
    expect(record.sn).toBe("b1e4470f397caa5e9abfefe46a2d0ad6d346eaf93aecb15b0c");
    expect(record.canonical).toBe(
      `{"account":"koogallery-cn","begin":"20260301T100000Z","end":"20260301T110000Z","events":"3",` +
        `"hour":"20260301T100000Z","instance":"i-1","kind":"usage","meter":"tokens","part":"0","prev":"${"0".repeat(64)}",` +
        `"product":"llm","qty":"12.3457","record_time":"20260301T110200Z","replaces":"","residue_in":"0.00004",` +
        `"residue_out":"0.00001","seq":"1","shard":"5","sn":"${record.sn}","unit":"token","v":"1"}`,
    );
    expect(record.checksum).toBe("c4e6a3c973910d463d1a53d75c3de3bf05e76454bf8f331e916df0752dc5b893");
  });

  // printf '%s\n%s' billrec-v1 CANONICAL | sha256sum
  test("golden vector: a record that names a package is of version 2, with the same serial number", () => {
    const record = sealRecord({ ...BODY, packageInstance: "pkg-1" }, FIRST);
    expect(record.sn).toBe("b1e4470f397caa5e9abfefe46a2d0ad6d346eaf93aecb15b0c");
    expect(record.canonical).toBe(
      `{"account":"koogallery-cn","begin":"20260301T100000Z","end":"20260301T110000Z","events":"3",` +
        `"hour":"20260301T100000Z","instance":"i-1","kind":"usage","meter":"tokens","package":"pkg-1","part":"0",` +
        `"prev":"${"0".repeat(64)}","product":"llm","qty":"12.3457","record_time":"20260301T110200Z","replaces":"",` +
        `"residue_in":"0.00004","residue_out":"0.00001","seq":"1","shard":"5","sn":"${record.sn}","unit":"token","v":"2"}`,
    );
    expect(record.checksum).toBe("dcb6728e59d8e80746b9e64b7d2afa7048b1a980304af780fd6e0b6f71ec1d23");
  });

  test("golden vector: a record that takes over what others had is of version 3", () => {
    const given = [`b1${"1".repeat(48)}`, `b1${"2".repeat(48)}`];
    const record = sealRecord({ ...BODY, carried: { quantity: "12", serialNumbers: given } }, FIRST);
    expect(record.sn).toBe("b1e4470f397caa5e9abfefe46a2d0ad6d346eaf93aecb15b0c");
    expect(record.canonical).toBe(
      `{"account":"koogallery-cn","begin":"20260301T100000Z","carried":"12","carries":"${given.join(" ")}",` +
        `"end":"20260301T110000Z","events":"3",` +
        `"hour":"20260301T100000Z","instance":"i-1","kind":"usage","meter":"tokens","part":"0",` +
        `"prev":"${"0".repeat(64)}","product":"llm","qty":"12.3457","record_time":"20260301T110200Z","replaces":"",` +
        `"residue_in":"0.00004","residue_out":"0.00001","seq":"1","shard":"5","sn":"${record.sn}","unit":"token","v":"3"}`,
    );
    expect(record.checksum).toBe("cd2cf31532dddb52785bc80665e8b845edd670806f671d1bb061ed3383a04353");
    expect(() =>
      sealRecord({ ...BODY, packageInstance: "pkg-1", carried: { quantity: "0", serialNumbers: [] } }, FIRST),
    ).toThrow("names no package");
  });

  test("another language comes to the same bytes and checksums", () => {
    const bodies = fc.sample(body, 50);
    const records = extendChain(bodies, 0, { seq: 0, checksum: CHAIN_GENESIS });
    const input = records.map((record) => record.canonical).join("\n");
    const sums = execFileSync("python3", ["-c", VERIFY], { input, encoding: "utf8" }).trim().split("\n");
    expect(sums).toEqual(records.map((record) => record.checksum));
  });

  test("are a flat object of strings whose keys are sorted", () => {
    fc.assert(
      fc.property(body, (one) => {
        const { canonical, checksum } = sealRecord(one, FIRST);
        const read = JSON.parse(canonical) as Record<string, unknown>;
        expect(Object.keys(read)).toEqual(Object.keys(read).sort());
        expect(Object.values(read).every((value) => typeof value === "string")).toBe(true);
        expect(canonical).toMatch(/^[\x20-\x7e]+$/);
        expect(JSON.stringify(read)).toBe(canonical);
        expect(checksum).toBe(createHash("sha256").update(`billrec-v1\n${canonical}`).digest("hex"));
      }),
    );
  });

  test("change with every field of the record", () => {
    const { checksum } = sealRecord(BODY, FIRST);
    const other: Partial<RecordBody>[] = [
      { account: "x" },
      { product: "x" },
      { instance: "x" },
      { meter: "x" },
      { unit: "x" },
      { kind: "rereport" },
      { hour: H + HOUR },
      { begin: H + SECOND },
      { end: H + HOUR - SECOND },
      { part: "1" },
      { quantity: "12.3458" },
      { residueIn: "0" },
      { residueOut: "0" },
      { events: 4 },
      { recordTime: H },
      { replaces: "b1" },
      { packageInstance: "pkg-1" },
    ];
    expect(other).toHaveLength(Object.keys(BODY).length + 2);
    for (const change of other) expect(sealRecord({ ...BODY, ...change }, FIRST).checksum).not.toBe(checksum);
    for (const link of [{ shard: 4 }, { seq: 2 }, { prev: "1".repeat(64) }])
      expect(sealRecord(BODY, { ...FIRST, ...link }).checksum).not.toBe(checksum);
  });

  test.each([["é"], ["商品"], ["a\nb"], ["a\u0000"], ["\u007f"]])("%j in a field is refused", (product) =>
    expect(() => sealRecord({ ...BODY, product }, FIRST)).toThrow(RangeError),
  );
});

describe("the serial number", () => {
  test("depends only on the identity: the same interval has the same one, whatever it carries", () => {
    fc.assert(
      fc.property(body, decimal(), fc.nat(), (one, quantity, events) => {
        const other = { ...one, quantity, events, meter: "m", product: "p", recordTime: H + events };
        expect(serialNumber(other)).toBe(serialNumber(one));
        expect(serialNumber(one)).toMatch(/^b1[0-9a-f]{48}$/);
      }),
    );
  });

  test("differs with account, instance, interval and part", () => {
    const changes = [
      {},
      { account: "x" },
      { instance: "x" },
      { begin: H + SECOND },
      { end: H + SECOND },
      { part: "0r1" },
    ];
    const numbers = changes.map((change) => serialNumber({ ...BODY, ...change }));
    expect(new Set(numbers).size).toBe(changes.length);
  });
});

describe("a chain", () => {
  const bodies = Array.from({ length: 5 }, (_, n) => ({ ...BODY, instance: `i-${n}` }));

  test("is gapless from 1, and each link holds the checksum before it", () => {
    const records = extendChain(bodies, 5, { seq: 0, checksum: CHAIN_GENESIS });
    expect(records.map((record) => record.seq)).toEqual([1, 2, 3, 4, 5]);
    expect(records.map((record) => record.prev)).toEqual([
      CHAIN_GENESIS,
      ...records.slice(0, -1).map((record) => record.checksum),
    ]);
    for (const record of records) expect(recordChecksum(record.canonical)).toBe(record.checksum);
  });

  test("goes on from its head as if it had been made at once", () => {
    const whole = extendChain(bodies, 5, { seq: 0, checksum: CHAIN_GENESIS });
    for (let cut = 0; cut <= bodies.length; cut += 1) {
      const first = extendChain(bodies.slice(0, cut), 5, { seq: 0, checksum: CHAIN_GENESIS });
      const head = first.at(-1) ?? { seq: 0, checksum: CHAIN_GENESIS };
      expect([...first, ...extendChain(bodies.slice(cut), 5, head)]).toEqual(whole);
    }
  });
});
